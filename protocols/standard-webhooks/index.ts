export {
  parseWebhookSecret,
  signWebhook,
  verifyWebhook,
  type WebhookHeaders,
  type WebhookVerification,
} from './standard-webhooks.ts'
