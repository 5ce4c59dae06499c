import type { ConnectionModel } from '../view-models/use-connection.ts'
import { useWords } from '../words/words.ts'
import { AlertIcon, NoSignalIcon } from './icons.tsx'

export function ConnectionBanner({ connection: { state, suspended } }: { connection: ConnectionModel }) {
  const words = useWords()
  let text = ''
  if (state.status === 'closed') {
    const { code } = state.reason
    if (code !== 'closed')
      text = code in words.ended ? words.ended[code as 'device-limit'] : words.ended.other
  } else if (suspended) text = words.suspended
  else if (state.status === 'reconnecting') text = words.reconnecting
  return (
    <div className="banner-place" role="status" aria-live="polite">
      {text !== '' && (
        <div className="banner" data-ended={state.status === 'closed' || undefined}>
          {state.status === 'closed' ? <AlertIcon size={16} /> : <NoSignalIcon size={16} />}
          <span>{text}</span>
        </div>
      )}
    </div>
  )
}
