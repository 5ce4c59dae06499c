import { newId } from '@parley/contracts'
import { AuditLog } from '@parley/core/audit'
import { endSession, openSession } from '@parley/core/backup'
import { Scope, silentLogger } from '@parley/core/kernel'
import {
  MasterKey,
  RotationError,
  type RotationOutcome,
  resealAll,
  rotateMasterKey,
} from '@parley/core/secrets'
import { openDatabase } from '@parley/core/store'
import type pg from 'pg'
import { CliError } from '../cli-error.ts'
import type { CommandContext, CommandOutcome } from '../command.ts'
import { withInstallationData } from '../installation-data.ts'

/** `parley keys rotate-master`: a new master key, servers running. */
export async function rotateMaster(context: CommandContext): Promise<CommandOutcome> {
  const { installation, terminal, options } = context
  const given = installation.settings.masterKey
  const masterKey = installation.masterKey()
  const keepOldKey = options['keep-old-key'] === true
  if (given !== undefined && masterKey.count < 2)
    throw new CliError('PARLEY_MASTER_KEY holds one key', {
      hint:
        'Start every process with PARLEY_MASTER_KEY=old,new, then with PARLEY_MASTER_KEY=new,old; then run this; ' +
        'then start them with the new one alone',
    })
  const onProgress = (resealed: number) =>
    terminal.note(`${resealed.toLocaleString('en')} values sealed anew`)
  const rotate = async (client: pg.Client): Promise<RotationOutcome> => {
    const { dataDir } = installation
    if (given === undefined) return rotateMasterKey({ client, dataDir, keepOldKey, onProgress })
    return { resealed: await resealAll(client, masterKey, onProgress), unnamed: 0, finished: false }
  }
  const outcome = await withInstallationData(installation, terminal.note, async ({ databaseUrl }) => {
    const client = await openSession(databaseUrl)
    try {
      const current = () => MasterKey.load({ dataDir: installation.dataDir, base64: given })
      const note = await auditor(databaseUrl, current)
      await note('begun', { keepOldKey })
      const done = await rotate(client)
      await note('ended', { outcome: 'done', ...done })
      return done
    } finally {
      await endSession(client)
    }
  }).catch((error: unknown) => {
    if (error instanceof RotationError) throw new CliError(error.message, { cause: error })
    throw error
  })
  return { json: outcome, text: describe(outcome, given !== undefined) }
}

type Note = (phase: 'begun' | 'ended', details: Record<string, unknown>) => Promise<void>

async function auditor(databaseUrl: string, masterKey: () => MasterKey): Promise<Note> {
  const callId = newId('request')
  return async (phase, details) => {
    const scope = new Scope('audit', silentLogger)
    try {
      const database = await openDatabase({ url: databaseUrl, logger: silentLogger, scope, poolSize: 1 })
      const audit = await AuditLog.open({ database, masterKey: masterKey() })
      const action = 'rotateMasterKey'
      const actor = { kind: 'operator' }
      await audit.record({
        projectId: undefined,
        callId,
        phase,
        action,
        actor,
        remoteAddress: undefined,
        details,
      })
    } finally {
      await scope.close()
    }
  }
}

function describe({ resealed, unnamed, finished }: RotationOutcome, fromEnvironment: boolean): string {
  const lines = [`${resealed.toLocaleString('en')} values are sealed by the new master key.`]
  if (finished)
    lines.push(
      'The old key is gone: addresses of files and operator tokens made with it hold no more. Backups made before open only with it.',
    )
  else if (fromEnvironment) lines.push('Start every process with the new key alone in PARLEY_MASTER_KEY.')
  else if (unnamed > 0)
    lines.push(`${unnamed} values of an older format open only with the old key: it stays readable.`)
  else lines.push('The old key stays readable. Run parley keys rotate-master once more to take it away.')
  return lines.join('\n')
}
