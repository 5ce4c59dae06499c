import type { ScheduledMessage } from '@parley/client'
import { useState } from 'react'
import type { PlannedModel } from '../../chat/use-planned.ts'
import { PlanDialog } from '../composer/plan-dialog.tsx'
import { summaryOf } from '../content/summary.ts'
import { IconButton } from '../parts/icon-button.tsx'
import { EditIcon, TrashIcon } from '../parts/icons.tsx'
import { dateTime, timeZone } from '../parts/time-input.ts'
import { useErrorToast } from '../parts/toasts.tsx'
import { useLocale, useWords } from '../parts/ui-context.tsx'
import { Panel } from './panel.tsx'

/** Own messages of the conversation that wait for their time: to be changed, or not to be sent after all. */
export function PlannedPanel({ model, onClose }: { model: PlannedModel; onClose: () => void }) {
  const words = useWords()
  const locale = useLocale()
  const onFailed = useErrorToast()
  const [edited, setEdited] = useState<ScheduledMessage>()
  const replace = async (text: string, at: Date) => {
    if (!edited) return
    const mentions = edited.content.type === 'text' ? edited.content.mentions : undefined
    try {
      await model.replace(edited.id, { type: 'text', text, ...(mentions && { mentions }) }, at)
    } catch (error) {
      onFailed(error)
      throw error
    }
  }
  return (
    <Panel title={words.planned} className="parley-planned" onClose={onClose}>
      <ul className="parley-notices">
        {model.planned.length === 0 && <li className="parley-hint">{words.nothingPlanned}</li>}
        {model.planned.map((message) => (
          <li key={message.id}>
            <time dateTime={message.sendAt}>{dateTime(message.sendAt, locale)}</time>
            <span className="parley-text" dir="auto">
              {message.content.type === 'merged-forward'
                ? words.chatHistory
                : summaryOf(message.content, words)}
            </span>
            <span className="parley-planned-actions">
              {message.content.type === 'text' && (
                <IconButton label={words.changePlanned} onClick={() => setEdited(message)}>
                  <EditIcon size={16} />
                </IconButton>
              )}
              <IconButton
                label={words.cancelPlanned}
                onClick={() => void model.cancel(message.id).catch(onFailed)}
              >
                <TrashIcon size={16} />
              </IconButton>
            </span>
          </li>
        ))}
      </ul>
      <p className="parley-hint">{words.timeZone(timeZone(new Date(), locale))}</p>
      {edited?.content.type === 'text' && (
        <PlanDialog
          title={words.changePlanned}
          text={edited.content.text}
          at={new Date(edited.sendAt)}
          onPlan={replace}
          onClose={() => setEdited(undefined)}
        />
      )}
    </Panel>
  )
}
