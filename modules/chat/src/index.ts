export { chatSettings } from './config.ts'
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
