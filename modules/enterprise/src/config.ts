import { integer, type SettingValues } from '@parley/core/kernel'

export const enterpriseSettings = {
  maxDepartments: integer(
    'PARLEY_ENTERPRISE_DEPARTMENTS',
    { default: 20_000, min: 1 },
    'Departments of a project',
  ),
  importBatch: integer(
    'PARLEY_ENTERPRISE_IMPORT_BATCH',
    { default: 200, min: 1, max: 2_000 },
    'Rows of an import that are taken in one transaction',
  ),
  postsPerMinute: integer(
    'PARLEY_ENTERPRISE_POSTS_PER_MINUTE',
    { default: 20, min: 1, max: 100_000 },
    'Posts to the address of one webhook bot a minute',
  ),
  hookTimeoutMs: integer(
    'PARLEY_ENTERPRISE_HOOK_TIMEOUT_MS',
    { default: 10_000, min: 100, max: 60_000 },
    'How long the receiver of an outgoing hook or of a click may take, in milliseconds',
  ),
  hookAttempts: integer(
    'PARLEY_ENTERPRISE_HOOK_ATTEMPTS',
    { default: 12, min: 1, max: 100 },
    'After so many failures a call of an outgoing hook or of a click is given up',
  ),
} as const

export type EnterpriseConfig = SettingValues<typeof enterpriseSettings>

/** Approval templates of a project. */
export const maxTemplates = 1_000
/** Imports of a project that wait or run. */
export const maxRunningImports = 10
/** Posts to webhook bots may be signed so long before they arrive. Milliseconds. */
export const signatureWindowMs = 3_600_000
/** The user who sends approval cards. */
export const approvalBotId = 'parley.approvals'
