import { useEffect, useMemo, useRef } from 'react'
import { useComposer } from '../../chat/use-composer.ts'
import { useThread } from '../../chat/use-thread.ts'
import { Composer } from '../composer/composer.tsx'
import { MessageRow } from '../message-row.tsx'
import { isBubble, Notice } from '../notice.tsx'
import { PaneContext, usePane } from '../pane-context.ts'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { Panel } from './panel.tsx'

/** The thread of a message: the message, its replies, and where to write the next. */
export function ThreadPanel({ rootId, onClose }: { rootId: string; onClose: () => void }) {
  const pane = usePane()
  const words = useWords()
  const onFailed = useErrorToast()
  const { root, replies, hasOlder, loadOlder } = useThread(pane.conversation, rootId)
  const composer = useComposer(pane.conversation, { threadRootId: rootId, onFailed })
  const list = useRef<HTMLDivElement>(null)
  const newest = replies.at(-1)?.key
  // biome-ignore lint/correctness/useExhaustiveDependencies: goes to every new reply.
  useEffect(() => {
    const element = list.current
    if (element) element.scrollTop = element.scrollHeight
  }, [newest])
  const { startEdit, startReply } = composer
  const inside = useMemo(
    () => ({ ...pane, inThread: true, edit: startEdit, reply: startReply, chosen: undefined }),
    [pane, startEdit, startReply],
  )
  return (
    <PaneContext value={inside}>
      <Panel title={words.thread} className="parley-thread-panel" onClose={onClose}>
        <div className="parley-replies" ref={list} role="log" aria-label={words.thread} tabIndex={0}>
          {root && (isBubble(root) ? <MessageRow message={root} first last /> : <Notice message={root} />)}
          <div className="parley-unread-mark">
            <span>{words.replies(root?.thread?.replyCount ?? replies.length)}</span>
          </div>
          {hasOlder && (
            <button type="button" className="parley-link-button" onClick={() => void loadOlder()}>
              {words.showMore}
            </button>
          )}
          {replies.map((reply) =>
            isBubble(reply) ? (
              <MessageRow key={reply.key} message={reply} first last />
            ) : (
              <Notice key={reply.key} message={reply} />
            ),
          )}
        </div>
        <Composer composer={composer} messages={replies} title={words.thread} />
      </Panel>
    </PaneContext>
  )
}
