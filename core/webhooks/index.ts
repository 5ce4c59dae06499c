export { isPublicAddress } from './address-rules.ts'
export { BlockingHooks, type Question, type Verdict } from './blocking-hooks.ts'
export { conversationJoinGuard, type GuardedJoin } from './join-guard.ts'
export { webhookMigrations } from './migrations.ts'
export {
  CallTimeoutError,
  type OutgoingAnswer,
  type OutgoingCall,
  OutgoingCalls,
  type OutgoingFetch,
} from './outgoing-calls.ts'
export {
  ForbiddenPlaceError,
  OutgoingGuard,
  type OutgoingGuardOptions,
  type Resolver,
  systemResolver,
} from './outgoing-guard.ts'
export { packetClaimGuard } from './packet-guard.ts'
export { type PublicEvent, publicEventId, type WebhookSource } from './public-event.ts'
export { roomGuard } from './room-guard.ts'
export { type GuardedMessage, messageSendGuard } from './send-guard.ts'
export { type WebhookSettings, webhookSettings } from './settings.ts'
export { addWebhookRoutes } from './webhook-routes.ts'
export { Webhooks, type WebhooksOptions } from './webhooks.ts'
