import type { ChatMessage } from '@parley/client'
import { forwardMessage } from '@parley/client'
import { useState } from 'react'
import { useConversations } from '../../chat/use-conversations.ts'
import { titleOf } from '../../chat/use-names.ts'
import { Check } from '../composer/forms.tsx'
import { usePane } from '../pane-context.ts'
import { Avatar } from '../parts/avatar.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { CheckIcon } from '../parts/icons.tsx'
import { useErrorToast, useToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'

/** Chooses where messages go: one by one, or merged into one. */
export function ForwardDialog({
  messages,
  onClose,
}: {
  messages: readonly ChatMessage[]
  onClose: () => void
}) {
  const { conversation, nameOf } = usePane()
  const words = useWords()
  const toast = useToast()
  const onFailed = useErrorToast()
  // Nobody speaks in a community itself.
  const conversations = useConversations().filter(({ view }) => view?.type !== 'community')
  const [targets, setTargets] = useState<ReadonlySet<string>>(new Set())
  const [merged, setMerged] = useState(messages.length > 1)
  const send = async () => {
    const ids = messages.flatMap(({ id }) => id ?? [])
    try {
      for (const target of conversations.filter(({ id }) => targets.has(id))) {
        if (merged && ids.length > 1) {
          const title = words.historyOf(titleOf(conversation, nameOf))
          await target.send({ content: { type: 'merged-forward', title, messageIds: ids } })
        } else {
          for (const id of ids) {
            const to =
              target.peerId === undefined ? { toConversationId: target.id } : { toUserId: target.peerId }
            await forwardMessage(conversation, id, to)
          }
        }
      }
      toast(words.forwarded)
    } catch (error) {
      onFailed(error)
    }
  }
  return (
    <FormDialog
      title={words.forward}
      submit={words.send}
      ready={targets.size > 0}
      onClose={onClose}
      onSubmit={() => {
        void send()
        onClose()
      }}
    >
      {messages.length > 1 && <Check label={words.asOneMessage} checked={merged} onChange={setMerged} />}
      <ul className="parley-suggestions">
        {conversations.map((target) => (
          <li key={target.id}>
            <button
              type="button"
              aria-pressed={targets.has(target.id)}
              onClick={() => {
                const next = new Set(targets)
                if (!next.delete(target.id)) next.add(target.id)
                setTargets(next)
              }}
            >
              <Avatar
                id={target.peerId ?? target.id}
                name={titleOf(target, nameOf)}
                group={target.peerId === undefined}
                size={32}
              />
              <span>{titleOf(target, nameOf)}</span>
              {targets.has(target.id) && <CheckIcon size={18} />}
            </button>
          </li>
        ))}
      </ul>
    </FormDialog>
  )
}
