import { createContext, useContext } from 'react'
import { en, type Words } from './en.ts'
import { zhCn } from './zh-cn.ts'

export type Locale = 'en' | 'zh-CN'

export const wordsOf: Record<Locale, Words> = { en, 'zh-CN': zhCn }

export function preferredLocale(languages: readonly string[]): Locale {
  const known = languages.find((language) => /^(zh|en)\b/i.test(language))
  return known?.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en'
}

export const LocaleContext = createContext<Locale>('en')

export function useLocale(): Locale {
  return useContext(LocaleContext)
}

export function useWords(): Words {
  return wordsOf[useLocale()]
}
