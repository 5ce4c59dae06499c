import { chmodSync, renameSync, writeFileSync } from 'node:fs'
import { type ApiKey, identityEndpoints } from '@parley/contracts'
import { ApiClient } from '../api-client.ts'
import { usageError } from '../cli-error.ts'
import { type Command, type CommandContext, type CommandOutcome, textOption } from '../command.ts'
import type { Installation } from '../installation.ts'
import { table } from '../terminal.ts'
import { rotateMaster } from './rotate-master.ts'

export const keysCommand: Command = {
  name: 'keys',
  summary: 'List, make, revoke or rotate API keys; rotate the master key',
  usage: [
    'parley keys list',
    'parley keys create [--name text] [--project proj_...]',
    'parley keys revoke key_...',
    'parley keys rotate',
    'parley keys rotate-master [--keep-old-key]',
  ],
  options: {
    name: { type: 'string', value: 'text', doc: 'What to call the key' },
    project: {
      type: 'string',
      value: 'id',
      doc: 'Make the key for this project, by the master key of this machine',
    },
    'keep-old-key': {
      type: 'boolean',
      doc: 'Of rotate-master: what the old master key has signed stays valid until the next run',
    },
  },
  async run(context) {
    const [action = 'list', keyId, ...rest] = context.positionals
    if (action === 'rotate-master' && keyId === undefined) return rotateMaster(context)
    const api = new ApiClient(context.installation)
    if (rest.length > 0) throw usageError('Too many words', 'keys')
    if (action === 'list') return list(api)
    if (action === 'create' && keyId === undefined) return create(api, context)
    if (action === 'revoke' && keyId !== undefined) return revoke(api, keyId)
    if (action === 'rotate' && keyId === undefined) return rotate(api, context.installation)
    throw usageError('Say `list`, `create`, `revoke` with a key id, `rotate` or `rotate-master`', 'keys')
  },
}

async function list(api: ApiClient): Promise<CommandOutcome> {
  const { items } = await api.call(identityEndpoints.listKeys, 'key', {})
  const rows = items.map((key) => [
    key.id,
    stateOf(key),
    key.createdAt,
    key.lastUsedAt ?? '-',
    key.name ?? '',
  ])
  return { json: { items }, text: table([['KEY', 'STATE', 'CREATED', 'LAST USED', 'NAME'], ...rows]) }
}

async function create(api: ApiClient, context: CommandContext): Promise<CommandOutcome> {
  const name = textOption(context, 'name')
  const projectId = textOption(context, 'project')
  const body = name === undefined ? {} : { name }
  const key =
    projectId === undefined
      ? await api.call(identityEndpoints.createKey, 'key', { body })
      : await api.call(identityEndpoints.createProjectKey, 'operator', { params: { projectId }, body })
  return { json: key, text: `${secretFacts(key)}\n\nThe secret is shown this once.` }
}

async function revoke(api: ApiClient, keyId: string): Promise<CommandOutcome> {
  const key = await api.call(identityEndpoints.revokeKey, 'key', { params: { keyId } })
  return { json: key, text: `${key.id} is revoked; its tokens and connections end within a second.` }
}

/** A new key, then the old one is revoked by the new. dev.json follows when the old key came from there. */
async function rotate(api: ApiClient, installation: Installation): Promise<CommandOutcome> {
  const before = installation.keyCredentials()
  const key = await api.call(identityEndpoints.createKey, 'key', { body: { name: 'rotated' } })
  if (before.fromFile) writeDevelopmentKey(installation, key.id, key.secret)
  const after = { keyId: key.id, keySecret: key.secret }
  await api.call(identityEndpoints.revokeKey, after, { params: { keyId: before.keyId } })
  const where = before.fromFile
    ? `It stands in ${installation.developmentKeyPath} now.`
    : 'The secret is shown this once.'
  const text = `${secretFacts(key)}\n\n${before.keyId} is revoked, with the tokens it signed. ${where}`
  return { json: { key, revokedKeyId: before.keyId }, text }
}

function writeDevelopmentKey(installation: Installation, keyId: string, keySecret: string): void {
  const path = installation.developmentKeyPath
  const written = { ...installation.developmentKey(), keyId, keySecret }
  writeFileSync(`${path}.new`, `${JSON.stringify(written, null, 2)}\n`, { mode: 0o600, flush: true })
  chmodSync(`${path}.new`, 0o600)
  renameSync(`${path}.new`, path)
}

function secretFacts(key: { id: string; secret: string }): string {
  return table([
    ['key id', key.id],
    ['key secret', key.secret],
  ])
}

function stateOf(key: ApiKey): string {
  return key.revokedAt === undefined ? 'live' : 'revoked'
}
