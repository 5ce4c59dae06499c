export type {
  Attachment,
  Conversation as ConversationFacts,
  ConversationView,
  EntryContent,
  Member,
  MemberRole,
  Message,
  MessageContent,
  Platform,
  Presence as UserPresence,
  PublicationSource,
  RtcLeaveReason,
  StoredObject,
  SubscriptionReason,
  TrackKind,
  User,
} from '@parley/contracts'
export type { Chat, ChatEvents, GroupInput } from './chat/chat.ts'
export type { ChatMessage } from './chat/chat-message.ts'
export type { Conversation } from './chat/conversation.ts'
export type {
  ConversationEvents,
  HistoryOptions,
  SendInput,
  SendResult,
} from './chat/conversation-types.ts'
export type { FileInput, FileOptions } from './chat/file-input.ts'
export type { ConnectionState, Session } from './connection/connection.ts'
export type { OpenSocket, Socket } from './connection/socket.ts'
export type { Files } from './files.ts'
export { type OpenOptions, Parley, type ParleyEvents, type ParleyOptions } from './parley.ts'
export { type ClientErrorCode, ParleyError, type ParleyErrorCode } from './parley-error.ts'
export type { Presence, PresenceEvents } from './presence.ts'
export type { Devices } from './rtc/devices.ts'
export { watchLevel } from './rtc/level-meter.ts'
export type { CaptureWish, PublishOptions, ScreenShareOptions } from './rtc/local-media.ts'
export type { LocalPublication } from './rtc/local-publication.ts'
export type {
  LocalParticipant,
  Participant,
  Publication,
  RemoteParticipant,
  RemotePublication,
} from './rtc/participant.ts'
export type { TrackEvent } from './rtc/remote-media.ts'
export type { RemoteTrack } from './rtc/remote-track.ts'
export type { Room } from './rtc/room.ts'
export type { JoinOptions, RoomCloseReason, RoomEvents, RoomState } from './rtc/room-events.ts'
export type { Rtc } from './rtc/rtc.ts'
export type { PublishedLayer, Quality, ReceivedTrack, RoomStatistics } from './rtc/statistics.ts'
export { type IndexedDbOptions, indexedDbStorage } from './storage/indexed-db-storage.ts'
export { memoryStorage } from './storage/memory-storage.ts'
export type {
  OpenStorage,
  Storage,
  StorageChange,
  StorageRange,
  StorageRecord,
  StorageTable,
} from './storage/storage.ts'
export type { Users } from './users.ts'
