import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { customId, text } from './ids.ts'
import { moderationScope, moderationVerdict } from './moderation-verdict.ts'
import { done, pageOf, pageQuery, timestamp } from './pagination.ts'

export const maxWordLength = 64
/** Words of one list, and of one body. */
export const maxListWords = 100_000
export const maxBodyWords = 20_000

export const moderationWord = z
  .object({
    text: text(maxWordLength).min(1),
    verdict: moderationVerdict.optional().meta({ description: 'Absent: the verdict of the list' }),
  })
  .meta({ id: 'ModerationWord' })
export type ModerationWord = z.infer<typeof moderationWord>

const wordListFields = {
  verdict: moderationVerdict,
  scope: moderationScope,
  languages: z.array(text(35)).max(16).optional().meta({ description: 'A hint for people; BCP 47' }),
  wholeWords: z
    .boolean()
    .meta({ description: 'Words that begin or end with a Latin letter match whole words only' }),
  leet: z
    .boolean()
    .meta({ description: 'Digits that stand for letters count as these (0 o, 1 i, 3 e, ...)' }),
}

export const wordList = z
  .object({
    id: z.string(),
    ...wordListFields,
    wordCount: z.int(),
    version: z.int().meta({ description: 'Grows with every change' }),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'WordList' })
export type WordList = z.infer<typeof wordList>

export const screeningCheck = z
  .object({
    verdict: moderationVerdict,
    text: z.string().meta({ description: 'What would be stored' }),
    matches: z.array(
      z.object({
        word: z.string(),
        listId: z.string(),
        verdict: moderationVerdict,
        start: z.int(),
        end: z.int(),
      }),
    ),
  })
  .meta({ id: 'ScreeningCheck' })
export type ScreeningCheck = z.infer<typeof screeningCheck>

const byList = z.object({ id: customId })

/** Word lists, and what they would say of a text. */
export const wordListCalls = {
  putWordList: endpoint({
    name: 'putWordList',
    tag: 'moderation',
    method: 'PUT',
    path: '/v1/moderation/word-lists/{id}',
    auth: 'key',
    summary: 'Make a word list or take its place; without `words` those of the list stay',
    params: byList,
    body: z.object({
      verdict: wordListFields.verdict.default('reject'),
      scope: wordListFields.scope.default('all'),
      languages: wordListFields.languages,
      wholeWords: wordListFields.wholeWords.default(true),
      leet: wordListFields.leet.default(false),
      words: z.array(moderationWord).max(maxBodyWords).optional(),
    }),
    status: 200,
    answer: wordList,
    errors: ['limit-exceeded'],
  }),
  listWordLists: endpoint({
    name: 'listWordLists',
    tag: 'moderation',
    method: 'GET',
    path: '/v1/moderation/word-lists',
    auth: 'key',
    summary: 'Word lists of the project',
    query: pageQuery,
    status: 200,
    answer: pageOf(wordList),
    errors: ['invalid-cursor'],
  }),
  getWordList: endpoint({
    name: 'getWordList',
    tag: 'moderation',
    method: 'GET',
    path: '/v1/moderation/word-lists/{id}',
    auth: 'key',
    summary: 'One word list, without its words',
    params: byList,
    status: 200,
    answer: wordList,
    errors: ['not-found'],
  }),
  deleteWordList: endpoint({
    name: 'deleteWordList',
    tag: 'moderation',
    method: 'DELETE',
    path: '/v1/moderation/word-lists/{id}',
    auth: 'key',
    summary: 'Remove a word list',
    params: byList,
    status: 200,
    answer: done,
    errors: ['not-found'],
  }),
  listWords: endpoint({
    name: 'listWords',
    tag: 'moderation',
    method: 'GET',
    path: '/v1/moderation/word-lists/{id}/words',
    auth: 'key',
    summary: 'Words of a list',
    params: byList,
    query: pageQuery,
    status: 200,
    answer: pageOf(moderationWord),
    errors: ['not-found', 'invalid-cursor'],
  }),
  importWords: endpoint({
    name: 'importWords',
    tag: 'moderation',
    method: 'POST',
    path: '/v1/moderation/word-lists/{id}/import',
    auth: 'key',
    summary: 'Add words from text, one a line; a long list comes in several calls',
    params: byList,
    body: z.object({
      lines: z.string().max(1_000_000),
      verdict: moderationVerdict.optional(),
    }),
    status: 200,
    answer: z.object({
      list: wordList,
      imported: z.int(),
      skipped: z.int().meta({ description: 'Too long, or nothing but separators' }),
    }),
    errors: ['not-found', 'limit-exceeded'],
  }),
  checkText: endpoint({
    name: 'checkText',
    tag: 'moderation',
    method: 'POST',
    path: '/v1/moderation/check',
    auth: 'key',
    audit: false,
    idempotencyKey: false,
    summary: 'Try the word lists on a text; nothing is stored and no audit asked',
    body: z.object({
      text: text(20_000).min(1),
      conversationType: text(32).optional(),
    }),
    status: 200,
    answer: screeningCheck,
    errors: [],
  }),
} as const
