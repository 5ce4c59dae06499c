export { Composer } from './composer/composer.tsx'
export { ConnectionBanner } from './connection-banner.tsx'
export { CustomContext, type RenderCustom } from './content/message-content.tsx'
export { ConversationList } from './conversation-list.tsx'
export { ConversationPane } from './conversation-pane.tsx'
export { MessageList, type MessageListHandle } from './message-list.tsx'
export { MessageRow } from './message-row.tsx'
export { Messenger } from './messenger.tsx'
export { NewConversation } from './new-conversation.tsx'
export { Notice } from './notice.tsx'
export { type Pane, PaneContext, usePane } from './pane-context.ts'
export { EditsDialog } from './panels/edits-dialog.tsx'
export { ForwardDialog } from './panels/forward-dialog.tsx'
export { GroupPanel } from './panels/group-panel.tsx'
export { NoticesPanel } from './panels/notices-panel.tsx'
export { PlannedPanel } from './panels/planned-panel.tsx'
export { ReactorsDialog } from './panels/reactors-dialog.tsx'
export { ReadersDialog } from './panels/readers-dialog.tsx'
export { SearchPanel } from './panels/search-panel.tsx'
export { ThreadPanel } from './panels/thread-panel.tsx'
export { Viewer } from './panels/viewer.tsx'
export { Avatar } from './parts/avatar.tsx'
export { Dialog } from './parts/dialog.tsx'
export { icon } from './parts/icon.tsx'
export { IconButton } from './parts/icon-button.tsx'
export { AlertIcon, BackIcon, CloseIcon, NoSignalIcon } from './parts/icons.tsx'
export { ParleyUi } from './parts/parley-ui.tsx'
export { Menu, type MenuItem, Popover } from './parts/popover.tsx'
export { useErrorToast, useToast } from './parts/toasts.tsx'
export {
  type Locale,
  preferredLocale,
  type StickerSet,
  type Theme,
  useLocale,
  useWords,
} from './parts/ui-context.tsx'
export { Reactions } from './reactions.tsx'
export type { Words } from './words/en.ts'
