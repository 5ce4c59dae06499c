export { type MentionTarget, mentionBefore, mentionsIn } from './chat/mentions.ts'
export { commandBefore, type OfferedCommand, useCommands } from './chat/use-commands.ts'
export {
  type ComposerModel,
  type ComposerOptions,
  type DraftFile,
  useComposer,
} from './chat/use-composer.ts'
export { type ConnectionModel, useConnectionState } from './chat/use-connection-state.ts'
export { type ConversationModel, useConversation, useTyping } from './chat/use-conversation.ts'
export { useConversations } from './chat/use-conversations.ts'
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
export { type NameOf, titleOf, useNames } from './chat/use-names.ts'
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
export { useTrack } from './rtc/use-track.ts'
