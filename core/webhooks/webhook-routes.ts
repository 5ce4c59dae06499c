import { AppError, type Webhook, webhookEndpoints } from '@parley/contracts'
import type { HttpServer } from '@parley/core/http'
import { getDelivery, listDeliveries, replayDelivery } from './delivery-log.ts'
import type { Webhooks } from './webhooks.ts'

/** Adds the REST of webhooks. */
export function addWebhookRoutes(http: HttpServer, webhooks: Webhooks): void {
  const { endpoints, cache } = webhooks
  http.route(webhookEndpoints.createWebhook, async ({ body, project, settle }) => {
    requireReachable(webhooks, body.url)
    const made = await project.transaction(async (tx) => {
      const answer = await endpoints.create(tx, project.projectId, body)
      await settle(tx, answer)
      return answer
    })
    cache.changed()
    return made
  })
  http.route(webhookEndpoints.listWebhooks, async ({ query, project }) => {
    const page = await endpoints.list(project, query)
    return { ...page, items: page.items.map((webhook) => withCircuit(webhooks, webhook)) }
  })
  http.route(webhookEndpoints.getWebhook, async ({ params, project }) =>
    withCircuit(webhooks, await endpoints.get(project, params.webhookId)),
  )
  http.route(webhookEndpoints.updateWebhook, async ({ params, body, project }) => {
    if (body.url !== undefined) requireReachable(webhooks, body.url)
    const webhook = await endpoints.update(project, params.webhookId, body)
    cache.changed()
    webhooks.forgetCircuit(webhook.id)
    webhooks.announce()
    return withCircuit(webhooks, webhook)
  })
  http.route(webhookEndpoints.deleteWebhook, async ({ params, project }) => {
    await endpoints.delete(project, params.webhookId)
    cache.changed()
    webhooks.forgetCircuit(params.webhookId)
    return { done: true as const }
  })
  http.route(webhookEndpoints.rotateWebhookSecret, async ({ params, body, project, settle }) => {
    const rotated = await project.transaction(async (tx) => {
      const answer = await endpoints.rotate(tx, project.projectId, params.webhookId, body.overlapMs)
      await settle(tx, answer)
      return answer
    })
    cache.changed()
    return rotated
  })
  http.route(webhookEndpoints.listWebhookDeliveries, async ({ params, query, project }) => {
    await endpoints.get(project, params.webhookId)
    return listDeliveries(project, params.webhookId, query)
  })
  http.route(webhookEndpoints.getWebhookDelivery, ({ params, project }) =>
    getDelivery(project, params.webhookId, params.deliveryId),
  )
  http.route(webhookEndpoints.replayWebhookDelivery, async ({ params, project, settle }) => {
    const delivery = await project.transaction(async (tx) => {
      const answer = await replayDelivery(tx, project.projectId, params.webhookId, params.deliveryId)
      await settle(tx, answer)
      return answer
    })
    webhooks.announce()
    return delivery
  })
}

/** As this process sees it, which hears of what the others see. */
function withCircuit(webhooks: Webhooks, webhook: Webhook): Webhook {
  return webhook.blocking === undefined
    ? webhook
    : { ...webhook, circuit: webhooks.circuits.state(webhook.id) }
}

/** Names are judged at each delivery, as what they resolve to may change; an address can be judged now. */
function requireReachable(webhooks: Webhooks, url: string): void {
  if (!webhooks.guard.refusesLiteral(new URL(url))) return
  throw new AppError('invalid-request', 'The URL names an address that is not public', {
    issues: [{ path: 'url', message: 'is not a public address; see PARLEY_WEBHOOKS_ALLOW' }],
  })
}
