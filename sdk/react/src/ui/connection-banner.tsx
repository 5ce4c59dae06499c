import type { ConnectionModel } from '../chat/use-connection-state.ts'
import { AlertIcon, NoSignalIcon } from './parts/icons.tsx'
import { useWords } from './parts/ui-context.tsx'

/** Says why there is no connection; nothing while there is one. */
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
    <div className="parley-banner-place" role="status" aria-live="polite">
      {text !== '' && (
        <div className="parley-banner" data-ended={state.status === 'closed' || undefined}>
          {state.status === 'closed' ? <AlertIcon size={16} /> : <NoSignalIcon size={16} />}
          <span>{text}</span>
        </div>
      )}
    </div>
  )
}
