import { AppError, cardServerEndpoints as endpoints } from '@parley/contracts'
import type { Platform } from '@parley/core/platform'
import type { EnterpriseConfig } from '../config.ts'
import type { EnterprisePorts } from '../ports.ts'
import { addIncoming } from './incoming.ts'
import { startOutgoingIntake } from './outgoing-intake.ts'
import { WebhookBots } from './webhook-bots.ts'

/** Webhook bots: their REST, the addresses that groups are posted to, and the reading of what is said there. */
export function startBots(
  { database, masterKey, http, outbox, jobs, webhooks }: Platform,
  { ports: { messages }, config }: { ports: EnterprisePorts; config: EnterpriseConfig },
): WebhookBots {
  const { postsPerMinute } = config
  const bots = new WebhookBots({ database, masterKey, messages, postsPerMinute })
  const requirePublic = (url: string | undefined): void => {
    if (url === undefined || !webhooks.guard.refusesLiteral(new URL(url))) return
    throw new AppError('invalid-request', 'The address of the hook is not public', {
      issues: [{ path: 'outgoing.url', message: 'is not a public address' }],
    })
  }
  const shown = ({ bot, token, secret }: Awaited<ReturnType<WebhookBots['create']>>) => ({
    ...{ ...bot, url: `/v1/incoming/${token}`, secret },
  })
  http.route(endpoints.createWebhookBot, async ({ caller, body }) => {
    requirePublic(body.outgoing?.url)
    return shown(await bots.create(caller.projectId, body))
  })
  http.route(endpoints.listWebhookBots, ({ caller, query }) => bots.list(caller.projectId, query))
  http.route(endpoints.updateWebhookBot, async ({ caller, params, body }) => {
    requirePublic(body.outgoing?.url)
    return bots.update(caller.projectId, params.botId, body as Parameters<WebhookBots['update']>[2])
  })
  http.route(endpoints.rotateWebhookBot, async ({ caller, params }) =>
    shown(await bots.rotate(caller.projectId, params.botId)),
  )
  http.route(endpoints.deleteWebhookBot, async ({ caller, params }) => {
    await bots.remove(caller.projectId, params.botId)
    return { done: true as const }
  })
  addIncoming(http, { bots, messages })
  startOutgoingIntake({ outbox, database, jobs, messages })
  return bots
}
