import { AppError, pushEndpoints } from '@parley/contracts'
import type { HttpServer } from '@parley/core/http'
import { requireActingUser } from './acting-user.ts'
import { sendDirectly } from './pipeline/direct-send.ts'
import type { PushPorts } from './ports.ts'
import { invalid } from './provider/credentials.ts'
import { notSetUp } from './provider/provider-store.ts'
import type { PushService } from './service.ts'

export interface PushRouteParts {
  http: HttpServer
  push: PushService
  ports: PushPorts
  /** Development: addresses without TLS are fine. */
  allowPlain: boolean
}

/** Adds the REST of pushes. */
export function registerPushRoutes(parts: PushRouteParts): void {
  registerDevices(parts)
  registerProviders(parts)
  registerPreferences(parts)
  registerTemplates(parts)
  registerSending(parts)
}

function registerDevices({ http, push, ports, allowPlain }: PushRouteParts): void {
  const { devices, providers } = push
  http.route(pushEndpoints.putPushDevice, async ({ params, body, caller, project }) => {
    const userId = requireActingUser(caller, body.userId)
    const { provider, token, subscription, language, timeZone } = body
    if (subscription !== undefined) {
      requireReachable(push, allowPlain, 'subscription.endpoint', subscription.endpoint)
      requireKeys(subscription.keys)
    }
    await ports.users.ensure(project, [userId])
    return devices.put(project, {
      ...{ userId, deviceId: params.deviceId, provider, language, timeZone },
      token: subscription === undefined ? (token ?? '') : JSON.stringify(subscription),
      identity: subscription?.endpoint ?? token ?? '',
    })
  })
  http.route(pushEndpoints.listPushDevices, async ({ query, caller, project }) => ({
    items: await devices.list(project, requireActingUser(caller, query.userId)),
  }))
  http.route(pushEndpoints.deletePushDevice, async ({ params, query, caller, project }) => {
    const userId = requireActingUser(caller, query.userId)
    if (!(await devices.remove(project, userId, params.deviceId))) {
      throw new AppError('not-found', 'No such device is registered for pushes')
    }
    return { done: true as const }
  })
  http.route(pushEndpoints.getWebPushKey, async ({ project }) => {
    const stored = await providers.credentials(project, project.projectId, 'web-push')
    if (stored?.provider !== 'web-push') throw notSetUp()
    return { publicKey: stored.credentials.publicKey }
  })
}

function registerProviders({ http, push, allowPlain }: PushRouteParts): void {
  const { providers } = push
  http.route(pushEndpoints.putPushProvider, ({ params, body, project }) => {
    const tokenUri = body.serviceAccount?.token_uri
    if (body.url !== undefined) requireReachable(push, allowPlain, 'url', body.url)
    if (tokenUri !== undefined) requireReachable(push, allowPlain, 'serviceAccount.token_uri', tokenUri)
    return providers.put(project, params.provider, body)
  })
  http.route(pushEndpoints.listPushProviders, async ({ project }) => ({
    items: await providers.list(project),
  }))
  http.route(pushEndpoints.deletePushProvider, async ({ params, project }) => {
    await providers.delete(project, params.provider)
    return { done: true as const }
  })
}

function registerPreferences({ http, push, ports }: PushRouteParts): void {
  const { preferences } = push
  http.route(pushEndpoints.getPushPreferences, ({ query, caller, project }) =>
    preferences.get(project, requireActingUser(caller, query.userId)),
  )
  http.route(pushEndpoints.putPushPreferences, async ({ body, caller, project }) => {
    const userId = requireActingUser(caller, body.userId)
    await ports.users.ensure(project, [userId])
    return preferences.put(project, userId, body)
  })
  http.route(pushEndpoints.putPushConversationPreference, async ({ params, body, caller, project }) => {
    const userId = requireActingUser(caller, body.userId)
    const { conversationId } = params
    const { projectId } = project
    await ports.users.ensure(project, [userId])
    const described = await ports.conversations.describe(projectId, conversationId)
    if (described === undefined) throw new AppError('conversation-not-found')
    const [member] = await ports.conversations.audienceAmong(
      ...([projectId, conversationId, Number.MAX_SAFE_INTEGER, [userId]] as const),
    )
    if (member === undefined) throw new AppError('not-a-member')
    await preferences.putConversation(project, userId, conversationId, body.level)
    return { conversationId, level: body.level }
  })
}

function registerTemplates({ http, push }: PushRouteParts): void {
  const { templates } = push
  http.route(pushEndpoints.putPushTemplate, ({ params, body, project }) =>
    templates.put(project, params.name, body.languages),
  )
  http.route(pushEndpoints.listPushTemplates, ({ query, project }) => templates.list(project, query))
  http.route(pushEndpoints.deletePushTemplate, async ({ params, project }) => {
    await templates.delete(project, params.name)
    return { done: true as const }
  })
}

function registerSending({ http, push, ports }: PushRouteParts): void {
  const { deliveries } = push
  http.route(pushEndpoints.sendPush, async ({ body, project, settle }) => {
    await ports.users.ensure(project, [...new Set(body.userIds)])
    const sent = await project.transaction(async (tx) => {
      const answer = await sendDirectly(push, project, tx, body)
      await settle(tx, answer)
      return answer
    })
    push.announce()
    return sent
  })
  http.route(pushEndpoints.listPushReceipts, ({ query, project }) => deliveries.receipts(project, query))
  http.route(pushEndpoints.reportPushReceipts, async ({ body, caller, project }) => ({
    recorded: await deliveries.report(project, requireActingUser(caller, body.userId), body.items),
  }))
}

/** Names are judged at each push, as what they resolve to may change; an address can be judged now. */
function requireReachable({ guard }: PushService, allowPlain: boolean, path: string, text: string): void {
  if (!URL.canParse(text)) throw invalid(path, 'is not a URL')
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') throw invalid(path, 'must not hold a user name or password')
  if (url.protocol !== 'https:' && !allowPlain) throw invalid(path, 'must be an https: address')
  if (guard.refusesLiteral(url)) throw invalid(path, 'is not a public address; see PARLEY_WEBHOOKS_ALLOW')
}

function requireKeys({ p256dh, auth }: { p256dh: string; auth: string }): void {
  const point = Buffer.from(p256dh, 'base64url')
  if (point.length !== 65 || point[0] !== 4) {
    throw invalid('subscription.keys.p256dh', 'is not an uncompressed P-256 point')
  }
  if (Buffer.from(auth, 'base64url').length !== 16)
    throw invalid('subscription.keys.auth', 'is not 16 bytes long')
}
