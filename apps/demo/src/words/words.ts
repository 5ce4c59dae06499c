import { type Locale, useLocale } from '@parley/react/ui'
import { en, type Words } from './en.ts'
import { zhCn } from './zh-cn.ts'

const wordsOf: Record<Locale, Words> = { en, 'zh-CN': zhCn }

export function useWords(): Words {
  return wordsOf[useLocale()]
}
