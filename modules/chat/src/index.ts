export { chatSettings } from './config.ts'
export { conversationWebhookSource } from './delivery/webhook-source.ts'
export { createChat } from './module.ts'
export type {
  AttachmentSource,
  ChatPorts,
  OutgoingMessage,
  ProjectSettingsReader,
  SendGuard,
  UserDirectory,
} from './ports.ts'
export type { ChatService } from './service.ts'
