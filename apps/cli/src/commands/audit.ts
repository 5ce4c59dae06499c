import { auditEndpoints } from '@parley/contracts'
import { auditMigrations, verifyAuditLog } from '@parley/core/audit'
import { Scope, silentLogger } from '@parley/core/kernel'
import { openDatabase } from '@parley/core/store'
import { ApiClient } from '../api-client.ts'
import { CliError, exitCodes, usageError } from '../cli-error.ts'
import { type Command, type CommandContext, type CommandOutcome, textOption } from '../command.ts'
import { withInstallationData } from '../installation-data.ts'
import { table } from '../terminal.ts'

export const auditCommand: Command = {
  name: 'audit',
  summary: 'Administrative calls, and whether their log was tampered with',
  usage: [
    'parley audit list [--action createKey] [--actor key_...] [--limit 50]',
    'parley audit verify [--contains <hash>]',
  ],
  options: {
    action: { type: 'string', value: 'operation', doc: 'Only calls of this operation' },
    actor: { type: 'string', value: 'id', doc: 'Only calls by this API key' },
    limit: { type: 'string', value: 'number', doc: 'Entries at most, 200 or fewer' },
    contains: {
      type: 'string',
      value: 'hash',
      doc: 'Also prove that an entry with this hash is there: one that was noted elsewhere earlier',
    },
  },
  async run(context) {
    const [action = 'list', ...rest] = context.positionals
    if (rest.length > 0) throw usageError('Too many words', 'audit')
    if (action === 'list') return list(context)
    if (action === 'verify') return verify(context)
    throw usageError('Say `list` or `verify`', 'audit')
  },
}

async function list(context: CommandContext): Promise<CommandOutcome> {
  const action = textOption(context, 'action')
  const actorId = textOption(context, 'actor')
  const limit = Number(textOption(context, 'limit') ?? '50')
  if (!(Number.isInteger(limit) && limit > 0 && limit <= 200))
    throw usageError('--limit is 1 to 200', 'audit')
  const query = { limit, ...(action !== undefined && { action }), ...(actorId !== undefined && { actorId }) }
  const api = new ApiClient(context.installation)
  const page = await api.call(auditEndpoints.listAuditLog, 'key', { query })
  const rows = page.items.map(({ position, at, phase, action, actor, details }) => [
    ...[String(position), at, action, phase, actor.id ?? actor.kind],
    JSON.stringify(details),
  ])
  return { json: page, text: table([['NO', 'AT', 'ACTION', 'PHASE', 'ACTOR', 'DETAILS'], ...rows]) }
}

/** Reads the database itself, so that it needs no server and trusts none. */
async function verify(context: CommandContext): Promise<CommandOutcome> {
  const { installation, terminal } = context
  const wanted = textOption(context, 'contains')
  if (wanted !== undefined && !/^[0-9a-f]{64}$/.test(wanted))
    throw usageError('--contains takes the 64 hex digits of a hash', 'audit')
  const masterKey = installation.masterKey()
  const { chains, contained } = await withInstallationData(
    installation,
    terminal.note,
    async ({ databaseUrl }) => {
      const scope = new Scope('audit', silentLogger)
      try {
        const database = await openDatabase({ url: databaseUrl, logger: silentLogger, scope, poolSize: 2 })
        await database.migrate(auditMigrations)
        const found = await database.system.query({
          text: 'select from audit.entries where hash = $1',
          values: [Buffer.from(wanted ?? '', 'hex')],
        })
        return { chains: await verifyAuditLog(database.system, masterKey), contained: found.rowCount > 0 }
      } finally {
        await scope.close()
      }
    },
  )
  if (wanted !== undefined && !contained)
    throw new CliError(`No entry has the hash ${wanted}: what it stood in was taken away`)
  const broken = chains.filter((chain) => chain.broken !== undefined)
  const lines = chains.map(({ projectId, entries, head, broken: found }) =>
    found === undefined
      ? [terminal.paint('green', 'ok'), projectId, `${entries} entries`, head]
      : [
          terminal.paint('red', '!!'),
          projectId,
          `broken at ${found.position}${found.entryId === undefined ? '' : ` (${found.entryId})`}`,
          found.reason,
        ],
  )
  const verdict =
    broken.length === 0
      ? 'Every entry follows the one before it. Note the hashes elsewhere: they prove later that nothing was cut off.'
      : `${broken.length} of ${chains.length} chains were tampered with.`
  const exitCode = broken.length === 0 ? exitCodes.ok : exitCodes.failed
  return { json: { chains }, text: [table(lines), '', verdict].join('\n').trim(), exitCode }
}
