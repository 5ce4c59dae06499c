import { moderationAuditCalls } from './moderation-audit.ts'
import { moderationCaseCalls } from './moderation-cases.ts'
import { wordListCalls } from './moderation-words.ts'

export {
  type AuditAnswer,
  type AuditPort,
  type AuditQuestion,
  auditAnswer,
  auditPort,
  auditQuestion,
  type ContentKind,
  contentKind,
  contentKinds,
  defaultModerationSettings,
  type ModerationSettings,
  moderationSettings,
} from './moderation-audit.ts'
export {
  type CaseNote,
  type CaseReport,
  type CaseTarget,
  type CaseWithDetails,
  caseActions,
  caseNote,
  caseReport,
  caseTarget,
  type ModerationCase,
  moderationCase,
  type Restriction,
  restriction,
  restrictionKind,
} from './moderation-cases.ts'
export {
  type ModerationVerdict,
  moderationVerdict,
  moderationVerdicts,
} from './moderation-verdict.ts'
export {
  type ModerationWord,
  maxBodyWords,
  maxListWords,
  maxWordLength,
  moderationWord,
  type ScreeningCheck,
  screeningCheck,
  type WordList,
  wordList,
} from './moderation-words.ts'

export const moderationEndpoints = {
  ...wordListCalls,
  ...moderationAuditCalls,
  ...moderationCaseCalls,
} as const
