import type { Moment } from '@parley/client'
import { momentsOf } from '@parley/client'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { useParley } from '../../parley-context.ts'
import { Dialog } from '../parts/dialog.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { CloseIcon } from '../parts/icons.tsx'
import { LoadingRows } from '../parts/state-notice.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { MomentCard } from './moment-card.tsx'

/** One moment by its id, where a notice leads to. */
export function MomentDialog(props: { momentId: string; onClose: () => void }) {
  const { momentId, onClose } = props
  const { chat } = useParley()
  const words = useWords()
  const onFailed = useErrorToast()
  const moments = useMemo(() => momentsOf(chat), [chat])
  const [moment, setMoment] = useState<Moment | 'gone'>()
  const read = useCallback(() => {
    moments.get(momentId).then(setMoment, () => setMoment('gone'))
  }, [moments, momentId])
  useEffect(read, [read])
  const like = async ({ liked }: Moment) => {
    await (liked ? moments.unlike(momentId) : moments.like(momentId))
    read()
  }
  return (
    <Dialog label={words.areas.moments} className="parley-dialog parley-wide-dialog" onClose={onClose}>
      <header>
        <h2>{words.areas.moments}</h2>
        <IconButton label={words.close} onClick={onClose}>
          <CloseIcon />
        </IconButton>
      </header>
      <div className="parley-dialog-body">
        {moment === undefined && <LoadingRows count={2} />}
        {moment === 'gone' && <p className="parley-hint">{words.moment.gone}</p>}
        {moment !== undefined && moment !== 'gone' && (
          <MomentCard
            moment={moment}
            isOpen
            onLike={() => void like(moment).catch(onFailed)}
            onRemove={() => void moments.delete(momentId).then(onClose, onFailed)}
            onCommented={read}
          />
        )}
      </div>
    </Dialog>
  )
}
