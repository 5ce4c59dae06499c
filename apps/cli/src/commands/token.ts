import { identityEndpoints } from '@parley/contracts'
import { ApiClient } from '../api-client.ts'
import { CliError, usageError } from '../cli-error.ts'
import { type Command, type CommandContext, textOption } from '../command.ts'
import { parseDuration } from '../duration.ts'

export const tokenCommand: Command = {
  name: 'token',
  summary: 'Mint a user token',
  usage: [
    'parley token alice',
    'parley token alice --create --ttl 15m',
    `parley token alice --grants '{"rtc":{"room":"standup","publish":true}}'`,
  ],
  options: {
    ttl: { type: 'string', value: 'time', doc: 'How long it lives: 90s, 15m, 24h, 7d; default 24h' },
    grants: {
      type: 'string',
      value: 'json',
      doc: 'Rights, exhaustive; default all ordinary rights of a user',
    },
    create: { type: 'boolean', doc: 'Make the user when there is none; always so with the key of dev.json' },
  },
  async run(context) {
    const [userId, ...rest] = context.positionals
    if (userId === undefined || rest.length > 0) throw usageError('Say for which user', 'token')
    const api = new ApiClient(context.installation)
    const ttl = textOption(context, 'ttl')
    const body = {
      ...(ttl !== undefined && { ttlMs: parseDuration(ttl) }),
      ...grantsOf(context),
    }
    // The key of dev.json is for trying things out.
    if (context.options.create || context.installation.keyCredentials().fromFile)
      await ensureUser(api, userId)
    try {
      const answer = await api.call(identityEndpoints.createUserToken, 'key', { params: { userId }, body })
      return { json: answer, text: answer.token }
    } catch (error) {
      if (!(error instanceof CliError) || error.code !== 'user-not-found') throw error
      throw new CliError(`There is no user ${JSON.stringify(userId)}`, {
        code: 'user-not-found',
        hint: 'Add --create to make one',
      })
    }
  },
}

async function ensureUser(api: ApiClient, userId: string): Promise<void> {
  try {
    await api.call(identityEndpoints.createUser, 'key', { body: { id: userId } })
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 'already-exists') throw error
  }
}

/** Parsed only as JSON: what grants may hold is for the server to say. */
function grantsOf(context: CommandContext): { grants?: Record<string, never> } {
  const text = textOption(context, 'grants')
  if (text === undefined) return {}
  try {
    return { grants: JSON.parse(text) as Record<string, never> }
  } catch {
    throw usageError('--grants must be JSON', 'token')
  }
}
