import { useParley } from '@parley/react'
import { ConversationPane } from '../components/conversation-pane.tsx'
import { useConversations } from '../view-models/use-conversations.ts'
import { useNames } from '../view-models/use-names.ts'

/** The group of the demo beside the meeting. */
export function ChatPanel({ onClose }: { onClose: () => void }) {
  const parley = useParley()
  const nameOf = useNames(parley)
  // Reading the list keeps the panel in step with it: the group may come after the panel.
  useConversations(parley, undefined)
  return (
    <div className="meeting-chat">
      <ConversationPane
        parley={parley}
        conversation={parley.chat.conversation('demo-group')}
        nameOf={nameOf}
        onBack={onClose}
      />
    </div>
  )
}
