export { isPublicAddress } from './address-rules.ts'
export { BlockingHooks, type Question, type Verdict } from './blocking-hooks.ts'
export { webhookMigrations } from './migrations.ts'
export {
  CallTimeoutError,
  type OutgoingAnswer,
  type OutgoingCall,
  OutgoingCalls,
} from './outgoing-calls.ts'
export {
  ForbiddenPlaceError,
  OutgoingGuard,
  type OutgoingGuardOptions,
  type Resolver,
  systemResolver,
} from './outgoing-guard.ts'
export { type PublicEvent, publicEventId, type WebhookSource } from './public-event.ts'
export { type GuardedMessage, messageSendGuard } from './send-guard.ts'
export { type WebhookSettings, webhookSettings } from './settings.ts'
export { addWebhookRoutes } from './webhook-routes.ts'
export { Webhooks, type WebhooksOptions } from './webhooks.ts'
