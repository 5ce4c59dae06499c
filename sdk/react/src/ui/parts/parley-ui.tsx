import { type ReactNode, useMemo } from 'react'
import type { Words } from '../words/en.ts'
import { Toasts } from './toasts.tsx'
import { type Locale, ownStickers, type StickerSet, type Theme, UiContext, wordsOf } from './ui-context.tsx'

/**
 * Theme, language and direction for all components inside, and the place where failures are told. `words` replaces
 * single texts; `theme` follows the system unless told.
 */
export function ParleyUi(props: {
  children: ReactNode
  locale?: Locale
  words?: Partial<Words>
  theme?: Theme
  direction?: 'ltr' | 'rtl'
  stickers?: readonly StickerSet[]
  className?: string
}) {
  const { locale = 'en', words, theme = 'auto', direction = 'ltr', stickers = ownStickers } = props
  const ui = useMemo(
    () => ({ locale, words: { ...wordsOf[locale], ...words }, stickers }),
    [locale, words, stickers],
  )
  return (
    <UiContext value={ui}>
      <div
        className={`parley-ui ${props.className ?? ''}`}
        data-parley-theme={theme}
        lang={locale}
        dir={direction}
      >
        <Toasts>{props.children}</Toasts>
      </div>
    </UiContext>
  )
}
