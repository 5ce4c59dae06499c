export { chatSettings } from './config.ts'
export { chatPersonalData } from './data/personal-data.ts'
export { chatMigrations } from './migrations/index.ts'
export { createChat } from './module.ts'
export type {
  AttachmentSource,
  ChatPorts,
  GuardedJoin,
  GuardedOperation,
  JoinGuard,
  OutgoingMessage,
  ProjectSettingsReader,
  SendGuard,
  UserDirectory,
} from './ports.ts'
export type { ChatService } from './service.ts'
