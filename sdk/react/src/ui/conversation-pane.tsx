import type { ChatMessage, Conversation } from '@parley/client'
import { type DragEvent, useEffect, useMemo, useRef, useState } from 'react'
import { useComposer } from '../chat/use-composer.ts'
import { useConversation } from '../chat/use-conversation.ts'
import { useMessages } from '../chat/use-messages.ts'
import { titleOf, useNames } from '../chat/use-names.ts'
import { usePins } from '../chat/use-pins.ts'
import { usePlanned } from '../chat/use-planned.ts'
import { useReceipts } from '../chat/use-receipts.ts'
import { useParley } from '../parley-context.ts'
import { ChannelPanel } from './communities/channel-panel.tsx'
import { Composer } from './composer/composer.tsx'
import { MessageList, type MessageListHandle } from './message-list.tsx'
import { type Pane, PaneContext } from './pane-context.ts'
import { PaneHead } from './pane-head.tsx'
import { EditsDialog } from './panels/edits-dialog.tsx'
import { ForwardDialog } from './panels/forward-dialog.tsx'
import { GroupPanel } from './panels/group-panel.tsx'
import { PinsBar } from './panels/pins-bar.tsx'
import { PlannedPanel } from './panels/planned-panel.tsx'
import { ReactorsDialog } from './panels/reactors-dialog.tsx'
import { ReadersDialog } from './panels/readers-dialog.tsx'
import { SearchPanel } from './panels/search-panel.tsx'
import { ThreadPanel } from './panels/thread-panel.tsx'
import { Viewer } from './panels/viewer.tsx'
import { Avatar } from './parts/avatar.tsx'
import { IconButton } from './parts/icon-button.tsx'
import { ClockIcon, CloseIcon, ForwardIcon, ImageIcon, MegaphoneIcon, TrashIcon } from './parts/icons.tsx'
import { useErrorToast } from './parts/toasts.tsx'
import { useWords } from './parts/ui-context.tsx'

type SidePanel = { kind: 'thread'; rootId: string } | { kind: 'search' | 'group' | 'planned' }

/** One conversation with everything that can be done in it. */
export function ConversationPane(props: {
  conversation: Conversation
  /** Shows the way back to the list, where there is room for one of them only. */
  onBack?: () => void
  /** Opens another conversation, maybe at a message. */
  onOpen?: (conversation: Conversation, seq?: number) => void
  /** Brings this message into sight. */
  focusSeq?: number | undefined
}) {
  const { conversation, onBack, onOpen, focusSeq } = props
  const parley = useParley()
  const { userId } = parley
  const words = useWords()
  const onFailed = useErrorToast()
  const nameOf = useNames()
  const { view, isGroup, canManage, community } = useConversation(conversation)
  const model = useMessages(conversation)
  const composer = useComposer(conversation, { onFailed })
  const receiptOf = useReceipts(conversation)
  const pins = usePins(conversation)
  const planned = usePlanned(conversation)
  const list = useRef<MessageListHandle>(null)
  const [viewed, setViewed] = useState<string>()
  const [panel, setPanel] = useState<SidePanel>()
  const [forwarded, setForwarded] = useState<readonly ChatMessage[]>()
  const [readersOf, setReadersOf] = useState<string>()
  const [editsOf, setEditsOf] = useState<ChatMessage>()
  const [reactorsOf, setReactorsOf] = useState<string>()
  const [chosen, setChosen] = useState<ReadonlySet<string>>()
  const [hiddenAnnouncement, setHiddenAnnouncement] = useState<string>()
  const drop = useFileDrop(composer.addFiles)
  const title = titleOf(conversation, nameOf)
  const { startEdit, startReply } = composer
  useEffect(() => {
    if (focusSeq !== undefined) void list.current?.jumpTo(focusSeq)
  }, [focusSeq])

  const pane = useMemo(
    (): Pane => ({
      conversation,
      userId,
      nameOf,
      isGroup,
      canManage,
      inThread: false,
      receiptOf,
      isPinned: ({ id, pinned }) => pinned !== undefined || pins.some((pin) => pin.id === id),
      view: ({ key }) => setViewed(key),
      edit: startEdit,
      reply: startReply,
      openThread: (rootId) => setPanel({ kind: 'thread', rootId }),
      forward: setForwarded,
      showReaders: ({ id }) => setReadersOf(id),
      showEdits: setEditsOf,
      showReactors: ({ id }) => setReactorsOf(id),
      jumpTo: (seq) => void list.current?.jumpTo(seq).catch(onFailed),
      openUser: (id) => {
        parley.chat.direct(id).then((direct) => onOpen?.(direct), onFailed)
      },
      chosen,
      choose: ({ key }) =>
        setChosen((known) => {
          const next = new Set(known)
          if (!next.delete(key)) next.add(key)
          return next
        }),
    }),
    [
      conversation,
      userId,
      nameOf,
      isGroup,
      canManage,
      receiptOf,
      pins,
      startEdit,
      startReply,
      parley,
      onOpen,
      onFailed,
      chosen,
    ],
  )
  const choice = model.messages.filter(({ key }) => chosen?.has(key))
  const announcement = view?.announcement?.text
  return (
    <PaneContext value={pane}>
      <div className="parley-pane" data-panel={panel !== undefined || undefined} {...drop.handlers}>
        <div className="parley-pane-main">
          <PaneHead
            title={title}
            panel={panel?.kind}
            onPanel={(kind) => setPanel(panel?.kind === kind ? undefined : { kind })}
            {...(onBack && { onBack })}
          />
          <PinsBar pins={pins} />
          {announcement && announcement !== hiddenAnnouncement && (
            <div className="parley-announcement" role="note">
              <MegaphoneIcon size={17} />
              <span>{announcement}</span>
              <IconButton label={words.close} onClick={() => setHiddenAnnouncement(announcement)}>
                <CloseIcon size={15} />
              </IconButton>
            </div>
          )}
          <MessageList
            ref={list}
            model={model}
            label={title}
            empty={
              <div className="parley-blank">
                <Avatar
                  id={conversation.peerId ?? conversation.id}
                  name={title}
                  group={isGroup}
                  picture={view?.avatarUrl}
                  size={72}
                />
                <p>{words.firstMessage(title)}</p>
              </div>
            }
          />
          {chosen ? (
            <div className="parley-selection" role="toolbar" aria-label={words.actions}>
              <span>{words.selected(chosen.size)}</span>
              <IconButton
                label={words.forward}
                disabled={chosen.size === 0}
                onClick={() => setForwarded(choice)}
              >
                <ForwardIcon />
              </IconButton>
              <IconButton
                label={words.deleteForMe}
                disabled={chosen.size === 0}
                onClick={() => {
                  const seqs = choice.flatMap(({ seq }) => seq ?? [])
                  conversation.deleteForMe(seqs).catch(onFailed)
                  setChosen(undefined)
                }}
              >
                <TrashIcon />
              </IconButton>
              <IconButton label={words.cancel} onClick={() => setChosen(undefined)}>
                <CloseIcon />
              </IconButton>
            </div>
          ) : (
            <>
              {planned.planned.length > 0 && (
                <button
                  type="button"
                  className="parley-planned-bar"
                  aria-expanded={panel?.kind === 'planned'}
                  onClick={() => setPanel(panel?.kind === 'planned' ? undefined : { kind: 'planned' })}
                >
                  <ClockIcon size={15} />
                  {words.plannedCount(planned.planned.length)}
                </button>
              )}
              <Composer
                composer={composer}
                messages={model.hasNewer ? [] : model.messages}
                title={title}
                silence={silenceOf(view, words, community?.view) ?? silenceOf(community?.view, words)}
                onPlan={async (text, at) => {
                  try {
                    await composer.plan(text, (content) => planned.plan(content, at))
                  } catch (error) {
                    onFailed(error)
                    throw error
                  }
                }}
              />
            </>
          )}
        </div>
        {panel?.kind === 'thread' && (
          <ThreadPanel key={panel.rootId} rootId={panel.rootId} onClose={() => setPanel(undefined)} />
        )}
        {panel?.kind === 'search' && (
          <SearchPanel
            conversation={conversation}
            onOpen={(message) => {
              if (message.conversationId === conversation.id) pane.jumpTo(message.seq)
              else onOpen?.(parley.chat.conversation(message.conversationId), message.seq)
            }}
            onDate={(date) => void list.current?.jumpToDate(date).catch(onFailed)}
            onClose={() => setPanel(undefined)}
          />
        )}
        {panel?.kind === 'planned' && <PlannedPanel model={planned} onClose={() => setPanel(undefined)} />}
        {panel?.kind === 'group' &&
          (view?.type === 'channel' ? (
            <ChannelPanel onClose={() => setPanel(undefined)} />
          ) : (
            <GroupPanel onClose={() => setPanel(undefined)} />
          ))}
        {drop.over && (
          <div className="parley-drop">
            <ImageIcon size={36} />
            {words.dropHere}
          </div>
        )}
        {viewed !== undefined && (
          <Viewer
            messages={model.messages.filter(
              ({ content }) => content.type === 'image' || content.type === 'video',
            )}
            shownKey={viewed}
            onShow={({ key }) => setViewed(key)}
            onClose={() => setViewed(undefined)}
          />
        )}
        {forwarded && (
          <ForwardDialog
            messages={forwarded}
            onClose={() => {
              setForwarded(undefined)
              setChosen(undefined)
            }}
          />
        )}
        {editsOf && (
          <EditsDialog
            message={model.messages.find(({ key }) => key === editsOf.key) ?? editsOf}
            onClose={() => setEditsOf(undefined)}
          />
        )}
        {reactorsOf !== undefined && (
          <ReactorsDialog messageId={reactorsOf} onClose={() => setReactorsOf(undefined)} />
        )}
        {readersOf !== undefined && (
          <ReadersDialog messageId={readersOf} onClose={() => setReadersOf(undefined)} />
        )}
      </div>
    </PaneContext>
  )
}

/** Why the user may not write now; undefined when they may. Whoever runs a community runs its channels. */
function silenceOf(
  view: Conversation['view'],
  words: ReturnType<typeof useWords>,
  community?: Conversation['view'],
): string | undefined {
  if (!view) return undefined
  if (view.mutedUntil !== undefined && Date.parse(view.mutedUntil) > Date.now()) return words.youAreMuted
  const silent = view.muteAll
  const lasting = silent && (silent.until === undefined || Date.parse(silent.until) > Date.now())
  return lasting && !silent.exemptRoles.includes((community ?? view).role) ? words.everybodyMuted : undefined
}

function useFileDrop(addFiles: (files: Iterable<File>) => void) {
  const depth = useRef(0)
  const [over, setOver] = useState(false)
  useEffect(() => {
    // A file dropped beside the target would replace the page.
    const keep = (event: Event) => event.preventDefault()
    window.addEventListener('dragover', keep)
    window.addEventListener('drop', keep)
    return () => {
      window.removeEventListener('dragover', keep)
      window.removeEventListener('drop', keep)
    }
  }, [])
  const hasFiles = (event: DragEvent) => event.dataTransfer.types.includes('Files')
  return {
    over,
    handlers: {
      onDragEnter: (event: DragEvent) => {
        if (!hasFiles(event)) return
        depth.current++
        setOver(true)
      },
      onDragLeave: (event: DragEvent) => {
        if (!hasFiles(event)) return
        depth.current = Math.max(0, depth.current - 1)
        if (depth.current === 0) setOver(false)
      },
      onDrop: (event: DragEvent) => {
        event.preventDefault()
        depth.current = 0
        setOver(false)
        if (event.dataTransfer.files.length > 0) addFiles(event.dataTransfer.files)
      },
    },
  }
}
