export { type MentionTarget, mentionBefore, mentionsIn } from './chat/mentions.ts'
export {
  type ChatRoomModel,
  type GivenGift,
  likeKind,
  useChatRoom,
} from './chat/use-chat-room.ts'
export {
  type RestrictionsModel,
  useChatRoomRestrictions,
  useChatRoomUsers,
} from './chat/use-chat-room-people.ts'
export { type ListedChatRoom, useChatRooms, useOpenChatRooms } from './chat/use-chat-rooms.ts'
export { commandBefore, type OfferedCommand, useCommands } from './chat/use-commands.ts'
export {
  byCategory,
  type ChannelEntry,
  type ChannelsModel,
  type CommunityEntry,
  useChannels,
  useCommunities,
} from './chat/use-communities.ts'
export {
  type ComposerModel,
  type ComposerOptions,
  type DraftFile,
  useComposer,
} from './chat/use-composer.ts'
export { type ConnectionModel, useConnectionState } from './chat/use-connection-state.ts'
export { type ConversationModel, useConversation, useTyping } from './chat/use-conversation.ts'
export { useChats, useConversations } from './chat/use-conversations.ts'
export { type MessageVersion, useEdits } from './chat/use-edits.ts'
export { type FileUrl, useFileUrl } from './chat/use-file-url.ts'
export { type GroupModel, useGroup } from './chat/use-group.ts'
export { type InvitationsModel, useInvitations } from './chat/use-invitations.ts'
export {
  type ExtensionValue,
  type MessageExtensionModel,
  useMessageExtension,
} from './chat/use-message-extension.ts'
export { type MessagesModel, useMessages } from './chat/use-messages.ts'
export { type NameOf, titleOf, useNames, usePicture } from './chat/use-names.ts'
export { type NoticesModel, useNotices } from './chat/use-notices.ts'
export { usePins } from './chat/use-pins.ts'
export { type PlannedModel, usePlanned } from './chat/use-planned.ts'
export { usePresence } from './chat/use-presence.ts'
export { type ReactionsModel, type ShownReaction, useReactions } from './chat/use-reactions.ts'
export { type ReadersModel, type Receipt, useReaders, useReceipts } from './chat/use-receipts.ts'
export { type SearchHit, type SearchModel, type SearchWish, useSearch } from './chat/use-search.ts'
export { type ThreadModel, useThread } from './chat/use-thread.ts'
export { useVoiceRecorder, type VoiceRecorder, type VoiceRecording } from './chat/use-voice-recorder.ts'
export { ParleyProvider, useParley } from './parley-context.ts'
export { useDevices } from './rtc/use-devices.ts'
export { type ProcessorModel, useProcessor } from './rtc/use-processor.ts'
export { type RoomModel, useRoom } from './rtc/use-room.ts'
export { type RoomDataModel, type RoomDataOptions, useRoomData } from './rtc/use-room-data.ts'
export { useParticipants, useRoomEvent, useRoomState, useSpeakers } from './rtc/use-room-facts.ts'
export { useRoomStatistics } from './rtc/use-room-statistics.ts'
export { useTrack } from './rtc/use-track.ts'
export { groupByInitial, initialOf } from './social/initials.ts'
export { type BlocksModel, useBlocks } from './social/use-blocks.ts'
export { useFollows } from './social/use-follows.ts'
export { type FriendRequestsModel, useFriendRequests } from './social/use-friend-requests.ts'
export { type FriendsModel, useFriends } from './social/use-friends.ts'
export { type InteractionsModel, useInteractions } from './social/use-interactions.ts'
export { type CommentsModel, useComments, useLikes } from './social/use-moment-responses.ts'
export { type MomentInput, type MomentsModel, useMoments } from './social/use-moments.ts'
export { type ProfileModel, useProfile } from './social/use-profile.ts'
export { useSocialEvent } from './social/use-social-event.ts'
export { type UserSearchModel, useUserSearch } from './social/use-user-search.ts'
export type { Pages } from './use-pages.ts'
