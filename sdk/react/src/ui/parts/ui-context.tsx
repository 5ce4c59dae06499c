import { createContext, useContext } from 'react'
import { en, type Words } from '../words/en.ts'
import { zhCn } from '../words/zh-cn.ts'

export type Locale = 'en' | 'zh-CN'
export type Theme = 'auto' | 'light' | 'dark'

/** A set of stickers of the application; without a picture a sticker is its emoji, large. */
export interface StickerSet {
  id: string
  stickers: readonly { id: string; emoji: string; objectId?: string; url?: string }[]
}

interface Ui {
  locale: Locale
  words: Words
  stickers: readonly StickerSet[]
}

export const wordsOf: Record<Locale, Words> = { en, 'zh-CN': zhCn }
export const ownStickers: readonly StickerSet[] = [
  {
    id: 'parley',
    stickers: ['😀', '😂', '😍', '😎', '😮', '😢', '❤️', '👍', '🎉', '🔥', '☕', '🚀'].map((emoji, index) => ({
      id: `s${index + 1}`,
      emoji,
    })),
  },
]

export const UiContext = createContext<Ui>({ locale: 'en', words: en, stickers: ownStickers })

export function preferredLocale(languages: readonly string[]): Locale {
  const known = languages.find((language) => /^(zh|en)\b/i.test(language))
  return known?.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en'
}

export function useWords(): Words {
  return useContext(UiContext).words
}

export function useLocale(): Locale {
  return useContext(UiContext).locale
}

export function useStickers(): readonly StickerSet[] {
  return useContext(UiContext).stickers
}
