export { maskSpans } from './masking.ts'
export { ranked, severest } from './ranking.ts'
export { finish, inSlices } from './slices.ts'
export { type MatcherWord, type WordMatch, WordMatcher } from './word-matcher.ts'
