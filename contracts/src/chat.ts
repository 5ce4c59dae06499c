import { botOperations } from './chat-bots.ts'
import { conversationCalls } from './chat-conversations.ts'
import { groupOperations } from './chat-groups.ts'
import { messageOperations } from './chat-message-operations.ts'
import { messageCalls } from './chat-messages.ts'
import { noticeOperations } from './chat-notices.ts'
import { receiptOperations } from './chat-receipts.ts'
import { chatRoomOperations } from './chat-room-operations.ts'
import { searchOperations } from './chat-search.ts'
import { endpointsOf, type OperationAnswers, type OperationEndpoints } from './operation.ts'

export * from './chat-bots.ts'
export * from './chat-content.ts'
export * from './chat-conversation-entries.ts'
export * from './chat-conversations.ts'
export * from './chat-entries.ts'
export * from './chat-groups.ts'
export * from './chat-message-operations.ts'
export * from './chat-messages.ts'
export * from './chat-notices.ts'
export * from './chat-room-operations.ts'
export * from './chat-rooms.ts'
export { type MessageHit, messageHit } from './chat-search.ts'

type GroupOperationTable = typeof groupOperations
type NoticeOperationTable = typeof noticeOperations
type BotOperationTable = typeof botOperations
type ReceiptOperationTable = typeof receiptOperations
type MessageOperationTable = typeof messageOperations
type SearchOperationTable = typeof searchOperations
type ChatRoomOperationTable = typeof chatRoomOperations

/** Named, because written out it is longer than a declaration may be. */
interface OperationTable
  extends GroupOperationTable,
    NoticeOperationTable,
    BotOperationTable,
    ReceiptOperationTable,
    MessageOperationTable,
    SearchOperationTable,
    ChatRoomOperationTable {}
export type ChatOperations = { [Type in keyof OperationTable]: OperationTable[Type] }

/** What members do, by the type of the realtime frame; each is an endpoint, too. */
export const chatOperations: ChatOperations = {
  ...groupOperations,
  ...noticeOperations,
  ...botOperations,
  ...receiptOperations,
  ...messageOperations,
  ...searchOperations,
  ...chatRoomOperations,
}
export type ChatOperationAnswers = OperationAnswers<ChatOperations>

export const chatEndpoints: typeof conversationCalls &
  typeof messageCalls &
  OperationEndpoints<ChatOperations> = {
  ...conversationCalls,
  ...messageCalls,
  ...endpointsOf(chatOperations),
}
