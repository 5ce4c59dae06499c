import { setMessageExpiry } from '@parley/client'
import type { ComposerModel } from '../../chat/use-composer.ts'
import { usePane } from '../pane-context.ts'
import { IconButton } from '../parts/icon-button.tsx'
import { BurnIcon, CloseIcon } from '../parts/icons.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'

/** When what is written next will disappear: by a choice for it, or as the conversation says. */
export function LifetimeNote({ composer }: { composer: ComposerModel }) {
  const { conversation, isGroup, canManage } = usePane()
  const words = useWords()
  const onFailed = useErrorToast()
  const own = Object.keys(composer.lifetime).length > 0
  const shown = own ? composer.lifetime : (conversation.view?.messageExpiry ?? {})
  const { burnAfterReadMs, expiresAfterMs } = shown
  if (composer.editing || (burnAfterReadMs === undefined && expiresAfterMs === undefined)) return null
  const span = (ms: number | undefined) => (ms === undefined ? '' : words.span(ms))
  return (
    <div className="parley-composer-banner">
      <BurnIcon size={16} />
      <span>
        <strong>{words.lifetime}</strong>
        <small>{words.disappears(span(burnAfterReadMs), span(expiresAfterMs))}</small>
      </span>
      {(own || !isGroup || canManage) && (
        <IconButton
          label={`${words.cancel}: ${words.lifetime}`}
          onClick={() => {
            if (own) composer.setLifetime({})
            else setMessageExpiry(conversation, {}).catch(onFailed)
          }}
        >
          <CloseIcon size={16} />
        </IconButton>
      )}
    </div>
  )
}
