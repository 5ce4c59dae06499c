import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { anyId, customId, text } from './ids.ts'
import { done, pageOf, pageQuery, timestamp } from './pagination.ts'

export const maxWordLength = 64
/** Words of one list, and of one body. */
export const maxListWords = 100_000
export const maxBodyWords = 20_000

/** From the mildest to the most severe; `pass` in a word list makes its words shield what they cover. */
export const moderationVerdicts = ['pass', 'replace', 'review', 'reject'] as const
export const moderationVerdict = z.enum(moderationVerdicts).meta({ id: 'ModerationVerdict' })
export type ModerationVerdict = z.infer<typeof moderationVerdict>

const conversationTypes = z.array(text(32).min(1)).min(1).max(16)
const scope = z.union([z.literal('all'), conversationTypes]).meta({
  description: '`all`, or types of conversations (direct, group, chatroom, community, ...)',
})
const instant = z
  .int()
  .min(0)
  .max(8_640_000_000_000_000)
  .meta({ description: 'Milliseconds since 1970 in UTC' })

export const moderationWord = z
  .object({
    text: text(maxWordLength).min(1),
    verdict: moderationVerdict.optional().meta({ description: 'Absent: the verdict of the list' }),
  })
  .meta({ id: 'ModerationWord' })
export type ModerationWord = z.infer<typeof moderationWord>

const wordListFields = {
  verdict: moderationVerdict,
  scope,
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

export const contentKinds = [
  'text',
  'image',
  'audio',
  'video-snapshot',
  'audio-slice',
  'video',
  'file',
] as const
export const contentKind = z.enum(contentKinds).meta({ id: 'ModerationContentKind' })
export type ContentKind = z.infer<typeof contentKind>

const auditFields = {
  url: z.url({ protocol: /^https?$/ }).max(2048),
  kinds: z.array(contentKind).min(1).max(contentKinds.length),
  timeoutMs: z.int().min(50).max(30_000),
  fallback: z
    .enum(['pass', 'review', 'reject'])
    .meta({ description: 'Verdict when no valid answer came in time' }),
  mode: z.enum(['before', 'after']).meta({
    description:
      '`before`: asked before the message is stored; `after`: it is sent, and recalled when rejected',
  }),
}

export const auditPort = z
  .object({ ...auditFields, createdAt: timestamp, updatedAt: timestamp })
  .meta({ id: 'ModerationAudit' })
export type AuditPort = z.infer<typeof auditPort>

/** What the audit service is asked. Signed as webhooks are. */
export const auditQuestion = z
  .object({
    projectId: z.string(),
    source: z.string(),
    userId: z.string().optional(),
    conversationId: z.string().optional(),
    conversationType: z.string().optional(),
    messageId: z.string().optional(),
    parts: z.array(
      z.object({
        kind: contentKind,
        text: z.string().optional(),
        url: z.string().optional().meta({ description: 'Signed address of the content; expires' }),
        reference: z.string().optional(),
        contentType: z.string().optional(),
      }),
    ),
  })
  .meta({ id: 'ModerationAuditQuestion' })
export type AuditQuestion = z.infer<typeof auditQuestion>

/** What the audit service answers, as JSON with status 200. */
export const auditAnswer = z
  .object({
    verdict: moderationVerdict,
    reasons: z.array(text(128)).max(16).optional(),
    text: text(20_000).min(1).optional().meta({
      description: 'With `replace`: stands in for the one text that was asked about',
    }),
  })
  .meta({ id: 'ModerationAuditAnswer' })
export type AuditAnswer = z.infer<typeof auditAnswer>

export const moderationSettings = z
  .object({
    onReview: z.enum(['hold', 'pass']).meta({
      description:
        '`hold`: a message to be reviewed is refused with `content-under-review`; `pass`: it is sent, and a case opened',
    }),
    reportsPerHour: z.int().min(1).max(10_000).meta({ description: 'Reports of one user' }),
  })
  .meta({ id: 'ModerationSettings' })
export type ModerationSettings = z.infer<typeof moderationSettings>
export const defaultModerationSettings: ModerationSettings = { onReview: 'hold', reportsPerHour: 30 }

export const restrictionKind = z.enum(['mute', 'ban'])
export const restriction = z
  .object({
    id: z.string(),
    userId: z.string(),
    kind: restrictionKind,
    conversationId: z.string().optional().meta({ description: 'Absent: everywhere in the project' }),
    untilMs: instant.optional().meta({ description: 'Absent: until it is lifted' }),
    reason: z.string().optional(),
    createdAt: timestamp,
  })
  .meta({ id: 'Restriction' })
export type Restriction = z.infer<typeof restriction>

export const caseTarget = z
  .object({
    type: z.enum(['message', 'user', 'conversation', 'room', 'restriction', 'case']),
    id: anyId,
  })
  .meta({ id: 'CaseTarget' })
export type CaseTarget = z.infer<typeof caseTarget>

const evidence = z
  .record(z.string().max(64), z.json())
  .refine((value) => JSON.stringify(value).length <= 16_384, 'must be at most 16384 characters of JSON')

export const caseActions = ['none', 'recall', 'mute', 'ban', 'lift'] as const
export const moderationCase = z
  .object({
    id: z.string(),
    source: z.enum(['report', 'screening', 'appeal']),
    state: z.enum(['open', 'claimed', 'resolved']),
    target: caseTarget,
    conversationId: z.string().optional(),
    userId: z.string().optional().meta({ description: 'Whom it is about' }),
    reasons: z.array(z.string()),
    reportCount: z.int(),
    evidence: z.record(z.string(), z.json()).optional(),
    claimedBy: z.string().optional(),
    action: z.enum(caseActions).optional(),
    resolution: z.string().optional(),
    createdAt: timestamp,
    updatedAt: timestamp,
    resolvedAt: timestamp.optional(),
  })
  .meta({ id: 'ModerationCase' })
export type ModerationCase = z.infer<typeof moderationCase>

export const caseNote = z
  .object({ id: z.string(), author: z.string(), text: z.string(), createdAt: timestamp })
  .meta({ id: 'CaseNote' })
export type CaseNote = z.infer<typeof caseNote>

export const caseReport = z
  .object({
    reporterId: z.string(),
    reason: z.string(),
    note: z.string().optional(),
    createdAt: timestamp,
  })
  .meta({ id: 'CaseReport' })
export type CaseReport = z.infer<typeof caseReport>

const caseWithDetails = moderationCase
  .extend({ reports: z.array(caseReport), notes: z.array(caseNote) })
  .meta({ id: 'ModerationCaseWithDetails' })
export type CaseWithDetails = z.infer<typeof caseWithDetails>

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
const byUser = z.object({ userId: customId })
const byCase = z.object({ caseId: anyId })
const author = text(128).min(1).default('moderator').meta({ description: 'Who acts, in your own words' })

export const moderationEndpoints = {
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
  putAudit: endpoint({
    name: 'putAudit',
    tag: 'moderation',
    method: 'PUT',
    path: '/v1/moderation/audit',
    auth: 'key',
    summary: 'Name the audit service of the project; the secret that signs is told at its first call',
    body: z.object({
      ...auditFields,
      timeoutMs: auditFields.timeoutMs.default(1_000),
      fallback: auditFields.fallback.default('pass'),
      mode: auditFields.mode.default('before'),
    }),
    status: 200,
    answer: auditPort.extend({ secret: z.string().optional() }).meta({ id: 'ModerationAuditWithSecret' }),
    errors: ['invalid-request'],
  }),
  getAudit: endpoint({
    name: 'getAudit',
    tag: 'moderation',
    method: 'GET',
    path: '/v1/moderation/audit',
    auth: 'key',
    summary: 'The audit service of the project',
    status: 200,
    answer: auditPort,
    errors: ['not-found'],
  }),
  deleteAudit: endpoint({
    name: 'deleteAudit',
    tag: 'moderation',
    method: 'DELETE',
    path: '/v1/moderation/audit',
    auth: 'key',
    summary: 'Ask no audit service any more; the next one gets another secret',
    status: 200,
    answer: done,
    errors: ['not-found'],
  }),
  getModerationSettings: endpoint({
    name: 'getModerationSettings',
    tag: 'moderation',
    method: 'GET',
    path: '/v1/moderation/settings',
    auth: 'key',
    summary: 'How the project moderates',
    status: 200,
    answer: moderationSettings,
    errors: [],
  }),
  updateModerationSettings: endpoint({
    name: 'updateModerationSettings',
    tag: 'moderation',
    method: 'PATCH',
    path: '/v1/moderation/settings',
    auth: 'key',
    summary: 'Change how the project moderates',
    body: moderationSettings.partial(),
    status: 200,
    answer: moderationSettings,
    errors: [],
  }),
  createReport: endpoint({
    name: 'createReport',
    tag: 'moderation',
    method: 'POST',
    path: '/v1/reports',
    auth: 'key-or-user',
    audit: false,
    summary: 'Report a message, user, conversation or room; reports of the same thing become one case',
    body: z.object({
      target: z.object({ type: z.enum(['message', 'user', 'conversation', 'room']), id: anyId }),
      reason: text(64).min(1),
      note: text(2_000).optional(),
      evidence: evidence.optional().meta({ description: 'Kept with the first report of a case' }),
      userId: customId.optional().meta({ description: 'With an API key: who reports' }),
    }),
    status: 201,
    answer: z.object({ caseId: z.string() }),
    errors: ['message-not-found', 'user-not-found', 'conversation-not-found', 'not-a-member', 'forbidden'],
  }),
  createAppeal: endpoint({
    name: 'createAppeal',
    tag: 'moderation',
    method: 'POST',
    path: '/v1/appeals',
    auth: 'key-or-user',
    audit: false,
    summary: 'The user a restriction or a case is about objects; a banned user does so through your server',
    body: z
      .object({
        restrictionId: anyId.optional(),
        caseId: anyId.optional(),
        note: text(2_000).min(1),
        userId: customId.optional().meta({ description: 'With an API key: who appeals' }),
      })
      .refine(({ restrictionId, caseId }) => (restrictionId === undefined) !== (caseId === undefined), {
        error: 'give either restrictionId or caseId',
      }),
    status: 201,
    answer: z.object({ caseId: z.string() }),
    errors: ['not-found', 'forbidden'],
  }),
  listCases: endpoint({
    name: 'listCases',
    tag: 'moderation',
    method: 'GET',
    path: '/v1/moderation/cases',
    auth: 'key',
    summary: 'The queue of cases, the oldest first',
    query: pageQuery.extend({
      state: z.enum(['open', 'claimed', 'resolved']).optional(),
      source: z.enum(['report', 'screening', 'appeal']).optional(),
      targetType: caseTarget.shape.type.optional(),
      targetId: anyId.optional(),
      userId: customId.optional(),
    }),
    status: 200,
    answer: pageOf(moderationCase),
    errors: ['invalid-cursor'],
  }),
  getCase: endpoint({
    name: 'getCase',
    tag: 'moderation',
    method: 'GET',
    path: '/v1/moderation/cases/{caseId}',
    auth: 'key',
    summary: 'One case with its first 200 reports and notes',
    params: byCase,
    status: 200,
    answer: caseWithDetails,
    errors: ['not-found'],
  }),
  claimCase: endpoint({
    name: 'claimCase',
    tag: 'moderation',
    method: 'POST',
    path: '/v1/moderation/cases/{caseId}/claim',
    auth: 'key',
    summary: 'Take a case, so that nobody else works on it; the same name again answers the same',
    params: byCase,
    body: z.object({ by: text(128).min(1) }),
    status: 200,
    answer: moderationCase,
    errors: ['not-found', 'conflict'],
  }),
  resolveCase: endpoint({
    name: 'resolveCase',
    tag: 'moderation',
    method: 'POST',
    path: '/v1/moderation/cases/{caseId}/resolve',
    auth: 'key',
    summary:
      'Close a case with an action that is carried out first; `lift` ends the restriction of an appeal',
    params: byCase,
    body: z.object({
      action: z.enum(caseActions),
      note: text(2_000).optional(),
      by: author,
      untilMs: instant.optional().meta({ description: 'End of a mute or ban' }),
      conversationId: anyId.optional().meta({ description: 'Limits a mute or ban' }),
    }),
    status: 200,
    answer: moderationCase,
    errors: ['not-found', 'conflict', 'message-not-found'],
  }),
  createCaseNote: endpoint({
    name: 'createCaseNote',
    tag: 'moderation',
    method: 'POST',
    path: '/v1/moderation/cases/{caseId}/notes',
    auth: 'key',
    summary: 'Add a note to a case',
    params: byCase,
    body: z.object({ text: text(2_000).min(1), by: author }),
    status: 201,
    answer: caseNote,
    errors: ['not-found', 'limit-exceeded'],
  }),
  createRestriction: endpoint({
    name: 'createRestriction',
    tag: 'moderation',
    method: 'POST',
    path: '/v1/users/{userId}/restrictions',
    auth: 'key',
    summary: 'Mute or ban a user: at once in the process that answers, everywhere within a second',
    params: byUser,
    body: z.object({
      kind: restrictionKind,
      untilMs: instant.optional(),
      conversationId: anyId.optional(),
      reason: text(500).optional(),
    }),
    status: 201,
    answer: restriction,
    errors: ['user-not-found', 'limit-exceeded'],
  }),
  listRestrictions: endpoint({
    name: 'listRestrictions',
    tag: 'moderation',
    method: 'GET',
    path: '/v1/users/{userId}/restrictions',
    auth: 'key',
    summary: 'Restrictions of a user that hold now',
    params: byUser,
    status: 200,
    answer: pageOf(restriction),
    errors: ['user-not-found'],
  }),
  deleteRestriction: endpoint({
    name: 'deleteRestriction',
    tag: 'moderation',
    method: 'DELETE',
    path: '/v1/users/{userId}/restrictions/{restrictionId}',
    auth: 'key',
    summary: 'Lift a restriction',
    params: z.object({ userId: customId, restrictionId: anyId }),
    status: 200,
    answer: done,
    errors: ['not-found'],
  }),
} as const
