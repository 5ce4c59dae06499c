export type {
  Announcement,
  Attachment,
  Block,
  BotCommand,
  ChannelView,
  ChatRoom as ChatRoomFacts,
  ChatRoomAttribute,
  ChatRoomGift,
  ChatRoomMessage,
  ChatRoomRestriction,
  Conversation as ConversationFacts,
  ConversationAttribute,
  ConversationBan,
  ConversationView,
  EntryContent,
  Follow,
  Friend,
  FriendPolicy,
  FriendRequest,
  GroupSettings,
  GroupSettingsChange,
  Interaction,
  Invitation,
  InvitationLink,
  JoinRequest,
  Member,
  MemberRole,
  Message,
  MessageContent,
  MessageHit,
  Moment,
  MomentComment,
  MomentLike,
  MomentVisibility,
  MuteAll,
  Notice,
  PermittedRoles,
  Platform,
  Presence as UserPresence,
  ProfileField,
  ProfileValue,
  ProfileVisibility,
  PublicationSource,
  PushDevice,
  PushLevel,
  PushPreferences,
  Relation,
  RtcLeaveReason,
  ScheduledMessage,
  SendOptions,
  SocialProfile,
  StoredObject,
  SubscriptionReason,
  TrackKind,
  User,
} from '@parley/contracts'
export {
  type DeviceState,
  listDevices,
  type ProfileChange,
  removeDevice,
  updateProfile,
} from './account.ts'
export type { Chat, ChatEvents, GroupInput } from './chat/chat.ts'
export type { ChatMessage } from './chat/chat-message.ts'
export { ChatRoom, type ChatRoomEvents, giftOf, joinChatRoom } from './chat/chat-room.ts'
export {
  closeChatRoom,
  createChatRoom,
  getChatRoom,
  listChatRoomRestrictions,
  listChatRooms,
  restrictInChatRoom,
  unrestrictInChatRoom,
  updateChatRoom,
} from './chat/chat-room-operations.ts'
export {
  type ChannelInput,
  createChannel,
  createCommunity,
  listChannels,
  openChannel,
} from './chat/community.ts'
export type { Conversation } from './chat/conversation.ts'
export type {
  ConversationEvents,
  HistoryOptions,
  Mentions,
  SendInput,
  SendResult,
} from './chat/conversation-types.ts'
export type { FileInput, FileOptions } from './chat/file-input.ts'
export {
  acceptInvitation,
  declineInvitation,
  type Group,
  groupOf,
  joinGroup,
  type Lasting,
  listInvitations,
  type PageRequest,
  withdrawJoinRequest,
} from './chat/group.ts'
export {
  beginStream,
  cancelScheduled,
  claimPacket,
  closePoll,
  extendMessage,
  forwardMessage,
  listClaims,
  listCommands,
  listEdits,
  listPins,
  listReactions,
  listReaders,
  listScheduled,
  listThread,
  listVotes,
  pinMessage,
  type StreamWriter,
  scheduleMessage,
  searchMessages,
  setMessageExpiry,
  translateMessage,
  unpinMessage,
  unreadTotal,
  votePoll,
} from './chat/message-operations.ts'
export { listNotices, readNotices } from './chat/notices.ts'
export type { ConnectionState, Session } from './connection/connection.ts'
export type { OpenSocket, Socket } from './connection/socket.ts'
export {
  type Approvals,
  approvalsOf,
  clickCard,
  type Directory,
  directoryOf,
  type EnterpriseEvent,
} from './enterprise/enterprise.ts'
export type { BegunUpload, Files, FileToUpload, UploadOptions } from './files.ts'
export { type Appeal, appeal, type Report, report } from './moderation.ts'
export { type OpenOptions, Parley, type ParleyEvents, type ParleyOptions } from './parley.ts'
export { type ClientErrorCode, ParleyError, type ParleyErrorCode } from './parley-error.ts'
export { setGroupPicture, setOwnPicture, uploadPicture } from './pictures.ts'
export type { Presence, PresenceEvents } from './presence.ts'
export {
  getPushPreferences,
  listPushDevices,
  type PushPreferencesChange,
  type PushRegistration,
  registerPushDevice,
  removePushDevice,
  setConversationPush,
  updatePushPreferences,
} from './push/push-preferences.ts'
export { disableWebPush, enableWebPush, type WebPushOptions } from './push/web-push.ts'
export type { AdaptationReason, VideoAdaptation } from './rtc/cpu-adaptation.ts'
export type { Devices } from './rtc/devices.ts'
export { KeyRing, type KeySlot } from './rtc/key-ring.ts'
export { watchLevel } from './rtc/level-meter.ts'
export type { LocalPublication } from './rtc/local-publication.ts'
export type {
  LocalParticipant,
  Participant,
  ParticipantNetwork,
  Publication,
  RemoteParticipant,
  RemotePublication,
} from './rtc/participant.ts'
export type { CaptureWish, PublishOptions, ScreenShareOptions } from './rtc/publish-options.ts'
export type { TrackEvent } from './rtc/remote-media.ts'
export type { RemoteTrack } from './rtc/remote-track.ts'
export type { Room } from './rtc/room.ts'
export type {
  ReceivedRoomData,
  RefusedRoomData,
  RoomDataContent,
  SendDataOptions,
} from './rtc/room-data.ts'
export type { JoinOptions, RoomCloseReason, RoomEvents, RoomState } from './rtc/room-events.ts'
export type { Rtc } from './rtc/rtc.ts'
export type { DistanceOptions, ListenerPosition, Position } from './rtc/spatial-audio.ts'
export type {
  DownlinkFacts,
  NetworkLevel,
  PublishedLayer,
  Quality,
  ReceivedTrack,
  RoomStatistics,
} from './rtc/statistics.ts'
export type { ProcessorContext, ProcessorFailure, TrackProcessor } from './rtc/track-processor.ts'
export type { E2eeState } from './rtc/transform/transform-worker.ts'
export type { VideoCodec } from './rtc/video-codecs.ts'
export {
  getRoom,
  listParticipants,
  type ParticipantFacts,
  type RoomFacts,
  removeParticipant,
} from './rtc-rooms.ts'
export { type Interactions, interactionsOf, type Moments, momentsOf } from './social/moments.ts'
export {
  type Blocks,
  blocksOf,
  type Follows,
  type Friends,
  followsOf,
  friendsOf,
  type Profiles,
  profilesOf,
} from './social/people.ts'
export type { SocialEvent } from './social/social-request.ts'
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
