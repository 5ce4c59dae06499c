import { capitalised } from '../../chat/use-names.ts'
import type { Words } from '../words/en.ts'

/** What a field of profiles is called; those of the application by their own names. */
export function fieldName(name: string, words: Words): string {
  return words.people.fields[name] ?? capitalised(name.replaceAll(/([A-Z])/g, ' $1').toLowerCase())
}
