import { useConversations, useParley } from '@parley/react'
import { ConversationPane } from '@parley/react/ui'

/** The group of the demo beside the meeting. */
export function ChatPanel() {
  const parley = useParley()
  // Reading the list keeps the panel in step with it: the group may come after the panel.
  useConversations()
  return (
    <div className="meeting-chat">
      <ConversationPane conversation={parley.chat.conversation('demo-group')} />
    </div>
  )
}
