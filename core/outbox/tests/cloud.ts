import type { DomainEvent } from '@parley/contracts'
import { type Bus, InProcessBus } from '@parley/core/bus'
import { Scope, silentLogger, sleep } from '@parley/core/kernel'
import { type Database, type Migrations, openDatabase, type Transaction } from '@parley/core/store'
import { createTestDatabase } from '@parley/testing/postgres'
import { Outbox, type OutboxTimes, outboxMigrations, type StoredEvent } from '../index.ts'

/** Rows to lock, each with the number of events its resource has had. */
const probeMigrations: Migrations = {
  schema: 'probe',
  steps: [
    {
      id: '0001',
      sql: 'create table probe.resources (name text primary key, count bigint not null default 0)',
    },
  ],
}

export const quickTimes: Partial<OutboxTimes> = {
  rereadMs: 100,
  gatherMs: 1,
  retryMs: 10,
  maxRetryMs: 50,
  idleSaveMs: 0,
  leaseMs: 900,
  retentionMs: 3_600_000,
}

/** A process as the database sees it: connections, bus and outbox of its own. */
export interface Peer {
  database: Database
  bus: Bus
  outbox: Outbox
  /** As a process closes. */
  close(): Promise<void>
  /** Ends its connections for good: from now on it is dead to the others. */
  cutOff(): Promise<void>
}

export interface Cloud {
  url: string
  join(options?: { times?: Partial<OutboxTimes>; poolSize?: number }): Promise<Peer>
  close(): Promise<void>
}

export async function openCloud(): Promise<Cloud> {
  const { url, close } = await createTestDatabase({ migrations: [outboxMigrations, probeMigrations] })
  const peers: Peer[] = []
  return {
    url,
    join: async (options = {}) => {
      const peer = await joinCloud(url, options)
      peers.push(peer)
      return peer
    },
    close: async () => {
      for (const peer of peers) await peer.close()
      await close()
    },
  }
}

/** Wake-ups of one peer do not reach the others: they live on re-reading alone. */
async function joinCloud(
  url: string,
  { times, poolSize = 12 }: { times?: Partial<OutboxTimes>; poolSize?: number },
): Promise<Peer> {
  const outer = new Scope('database', silentLogger)
  const database = await openDatabase({
    url,
    logger: silentLogger,
    scope: outer,
    poolSize,
    acquireTimeoutMs: 500,
  })
  const scope = new Scope('peer', silentLogger)
  const bus = scope.own('bus', new InProcessBus({ logger: silentLogger }))
  const outbox = await Outbox.open({
    database,
    bus,
    logger: silentLogger,
    scope,
    times: { ...quickTimes, ...times },
  })
  return {
    database,
    bus,
    outbox,
    close: async () => {
      await scope.close()
      await outer.close()
    },
    cutOff: () => outer.close(),
  }
}

/** The n-th event of a resource. */
export function probeEvent(resource: string, n: number, projectId = 'proj_a'): DomainEvent {
  return { projectId, resource, type: 'user.created', data: { userId: String(n) } }
}

export function numberOf(event: StoredEvent): number {
  return event.type === 'user.created' ? Number(event.data.userId) : Number.NaN
}

/** Locks the resource and appends its next `count` events, as every writer of the outbox must. */
export async function appendNext(
  outbox: Outbox,
  tx: Transaction,
  resource: string,
  count = 1,
): Promise<void> {
  const { rows } = await tx.query<{ count: number }>({
    text: `insert into probe.resources as resource (name, count) values ($1, $2)
      on conflict (name) do update set count = resource.count + $2 returning count`,
    values: [resource, count],
  })
  const last = rows[0]?.count ?? 0
  const events = Array.from({ length: count }, (_, index) => probeEvent(resource, last - count + 1 + index))
  await outbox.append(tx, events)
}

export function append(peer: Peer, resource: string, count = 1): Promise<void> {
  return peer.database.system.transaction((tx) => appendNext(peer.outbox, tx, resource, count))
}

/** Polls until true; fails the test by its own time limit otherwise. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(5)
}

/** What was seen of each resource, in order. */
export class Seen {
  readonly numbers = new Map<string, number[]>()
  readonly events: StoredEvent[] = []

  add(events: readonly StoredEvent[]): void {
    for (const event of events) {
      this.events.push(event)
      const numbers = this.numbers.get(event.resource) ?? []
      numbers.push(numberOf(event))
      this.numbers.set(event.resource, numbers)
    }
  }

  of(resource: string): number[] {
    return this.numbers.get(resource) ?? []
  }
}

export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}
