import { createHash } from 'node:crypto'
import type { MasterKey } from '@parley/core/secrets'
import { z } from 'zod'

/** What one entry says. `details` is JSON whose members stand in order of name. */
export interface ChainEntry {
  projectId: string
  position: number
  id: string
  /** RFC 3339 in UTC with milliseconds. */
  at: string
  callId: string
  phase: 'begun' | 'ended'
  action: string
  actorKind: string
  actorId: string | null
  remoteAddress: string | null
  details: string
}

/** The end of a chain. */
export interface ChainHead {
  position: number
  hash: Buffer
}

/** What the first entry of a chain follows. */
export const origin: ChainHead = { position: 0, hash: Buffer.alloc(32) }

/** The chain of what concerns no single project. */
export const installationChain = 'installation'

/** Members in a fixed order, so that equal entries are equal bytes. */
export function hashEntry(previous: Buffer, entry: ChainEntry): Buffer {
  const { projectId, position, id, at, callId, phase, action, actorKind, actorId, remoteAddress, details } =
    entry
  const text = canonicalJson({
    ...{ projectId, position, id, at, callId, phase, action, actorKind, actorId, remoteAddress, details },
  })
  return createHash('sha256').update(previous).update(text).digest()
}

/** JSON without spaces whose members stand in order of name (the part of RFC 8785 that our values need). */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

const head = z.tuple([z.number(), z.string()])

export function sealHead(masterKey: MasterKey, projectId: string, { position, hash }: ChainHead): Buffer {
  return masterKey.seal(JSON.stringify([position, hash.toString('hex')]), contextOf(projectId))
}

/** Undefined when nobody who holds the master key has sealed it for this chain. */
export function openHead(masterKey: MasterKey, projectId: string, sealed: Buffer): ChainHead | undefined {
  try {
    const [position, hash] = head.parse(JSON.parse(masterKey.open(sealed, contextOf(projectId)).toString()))
    return { position, hash: Buffer.from(hash, 'hex') }
  } catch {
    return undefined
  }
}

const contextOf = (projectId: string): string => `audit-head/${projectId}`
