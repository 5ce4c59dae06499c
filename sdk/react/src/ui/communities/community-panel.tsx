import type { Conversation } from '@parley/client'
import { useContext, useMemo } from 'react'
import { useConversation } from '../../chat/use-conversation.ts'
import { useNames } from '../../chat/use-names.ts'
import { useParley } from '../../parley-context.ts'
import { useAreaWays } from '../areas/area-context.ts'
import { type Pane, PaneContext } from '../pane-context.ts'
import { GroupPanel } from '../panels/group-panel.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { UiContext } from '../parts/ui-context.tsx'

/** How a community is run: as a group is, in the words of a community. */
export function CommunityPanel(props: { community: Conversation; onClose: () => void }) {
  const { community } = props
  const { chat, userId } = useParley()
  const onFailed = useErrorToast()
  const nameOf = useNames()
  const ui = useContext(UiContext)
  const { canManage } = useConversation(community)
  const { openConversation } = useAreaWays()
  const pane = useMemo(
    (): Pane => ({
      conversation: community,
      userId,
      nameOf,
      isGroup: true,
      canManage,
      openUser: (id) => void chat.direct(id).then(openConversation, onFailed),
      ...withoutMessages,
    }),
    [community, chat, userId, nameOf, canManage, openConversation, onFailed],
  )
  const inItsWords = useMemo(() => ({ ...ui, words: { ...ui.words, ...ui.words.asCommunity } }), [ui])
  return (
    <UiContext value={inItsWords}>
      <PaneContext value={pane}>
        <GroupPanel onClose={props.onClose} />
      </PaneContext>
    </UiContext>
  )
}

const nothing = () => undefined

/** Nobody speaks in the community itself. */
const withoutMessages: Omit<
  Pane,
  'conversation' | 'userId' | 'nameOf' | 'isGroup' | 'canManage' | 'openUser'
> = {
  inThread: false,
  receiptOf: () => ({ state: 'sent', readers: 0, others: 0 }),
  isPinned: () => false,
  view: nothing,
  edit: nothing,
  reply: nothing,
  openThread: nothing,
  forward: nothing,
  showReaders: nothing,
  showEdits: nothing,
  showReactors: nothing,
  jumpTo: nothing,
  chosen: undefined,
  choose: nothing,
}
