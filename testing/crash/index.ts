import type { HistoryPage, Message } from '@parley/contracts'
import { FrameRefusedError, RealtimeClient } from '@parley/testing/devcloud'
import { type ServerProcess, startServerProcess } from '@parley/testing/server-process'

export interface CrashCyclesOptions {
  cycles: number
  dataDir: string
  root?: string
  /** Called after each verified cycle. */
  onCycle?: (cycle: number, totals: CrashTotals) => void
  /** Seeds the moments of the kills, so that a failing run can be repeated roughly. */
  seed?: number
}

export interface CrashTotals {
  acknowledged: number
  /** Sends whose answer was lost and that were resolved by sending again. */
  resolved: number
}

interface Sender {
  userId: string
  token: string
  next: number
  /** Sent, answer unknown, in order. */
  unknown: number[]
}

const inFlight = 16
/** A log is read in full after each crash; a new one keeps that short. */
const cyclesPerLog = 20
const senderIds = ['ann', 'bob', 'cid', 'dee']

/**
 * Kills the server's process group again and again while clients send, and after each restart holds the log
 * against what was acknowledged: present once, where the ack said, dense, each sender in order. Throws at the first
 * difference.
 */
export async function runCrashCycles(options: CrashCyclesOptions): Promise<CrashTotals> {
  const { cycles, onCycle = () => undefined, seed = 1 } = options
  const random = randomFrom(seed)
  const acked = new Map<string, { seq: number; messageId: string }>()
  const totals: CrashTotals = { acknowledged: 0, resolved: 0 }
  let server = await startServerProcess(options)
  try {
    const senders = await prepare(server)
    let conversationId = ''
    for (let cycle = 1; cycle <= cycles; cycle++) {
      if (cycle % cyclesPerLog === 1) {
        conversationId = await createGroup(server)
        acked.clear()
        for (const sender of senders) sender.unknown = []
      }
      const before = acked.size
      const sending = senders.map((sender) => sendUntilCut(server, sender, conversationId, acked, totals))
      await pause(100 + random() * 500)
      await server.kill()
      await Promise.all(sending)
      server = await startServerProcess(options)
      await verify(server, conversationId, acked)
      totals.acknowledged += acked.size - before
      onCycle(cycle, totals)
    }
    return totals
  } finally {
    await server.kill()
  }
}

async function prepare(server: ServerProcess): Promise<Sender[]> {
  return Promise.all(
    senderIds.map(async (userId) => {
      await rest(server, 'POST', '/v1/users', { id: userId })
      const { token } = (await rest(server, 'POST', `/v1/users/${userId}/tokens`, { ttlMs: 86_400_000 })) as {
        token: string
      }
      return { userId, token, next: 1, unknown: [] }
    }),
  )
}

async function createGroup(server: ServerProcess): Promise<string> {
  const group = (await rest(server, 'POST', '/v1/conversations', {
    type: 'group',
    memberIds: senderIds,
  })) as { id: string }
  return group.id
}

/** Sends with many in flight until the connection breaks; what has no answer by then is kept as unknown. */
async function sendUntilCut(
  server: ServerProcess,
  sender: Sender,
  conversationId: string,
  acked: Map<string, { seq: number; messageId: string }>,
  totals: CrashTotals,
): Promise<void> {
  let client: RealtimeClient
  try {
    client = await RealtimeClient.connect(server.url, sender.token, `device-${sender.userId}`)
  } catch {
    return // killed before the connection stood
  }
  let cut = false
  let refusal: Error | undefined
  void client.closed.then(() => {
    cut = true
  })
  const repeated = sender.unknown
  sender.unknown = []
  const running = new Set<Promise<void>>()
  const sendOne = (number: number, again: boolean): void => {
    const clientMessageId = `${sender.userId}-${number}`
    const content = { type: 'text' as const, text: `${sender.userId} says ${number}` }
    sender.unknown.push(number)
    const sent = client
      .request('message.send', { conversationId, clientMessageId, content })
      .then((ok) => {
        acked.set(clientMessageId, { seq: ok.seq, messageId: ok.messageId })
        sender.unknown = sender.unknown.filter((other) => other !== number)
        if (again) totals.resolved++
      })
      .catch((error: unknown) => {
        if (error instanceof FrameRefusedError && !error.error.retryable) refusal = error
      })
      .finally(() => running.delete(sent))
    running.add(sent)
  }
  for (const number of repeated) sendOne(number, true)
  while (!cut) {
    while (running.size < inFlight && !cut) sendOne(sender.next++, false)
    await Promise.race(running)
  }
  await Promise.all(running)
  if (refusal !== undefined) throw refusal
}

async function verify(
  server: ServerProcess,
  conversationId: string,
  acked: Map<string, { seq: number; messageId: string }>,
): Promise<void> {
  const log = await readLog(server, conversationId)
  const found = new Map<string, Message>()
  const lastOf = new Map<string, number>()
  log.forEach((message, index) => {
    if (message.seq !== index + 1) throw new Error(`CHAT-2: place ${index + 1} holds seq ${message.seq}`)
    const id = message.clientMessageId ?? ''
    if (found.has(id))
      throw new Error(`CHAT-4: ${id} is stored twice, at ${found.get(id)?.seq} and ${message.seq}`)
    found.set(id, message)
    const number = Number(id.split('-')[1])
    const last = lastOf.get(message.senderId) ?? 0
    if (number <= last) throw new Error(`CHAT-3: ${id} stands behind ${message.senderId}-${last}`)
    lastOf.set(message.senderId, number)
  })
  for (const [id, { seq, messageId }] of acked) {
    const message = found.get(id)
    if (message === undefined) throw new Error(`CHAT-1: ${id} was acknowledged with seq ${seq} and is gone`)
    if (message.seq !== seq || message.id !== messageId)
      throw new Error(`CHAT-1: ${id} moved from ${seq} to ${message.seq}`)
  }
}

async function readLog(server: ServerProcess, conversationId: string): Promise<Message[]> {
  const log: Message[] = []
  for (;;) {
    const path = `/v1/conversations/${conversationId}/messages?afterSeq=${log.length}&limit=200`
    const page = (await rest(server, 'GET', path)) as HistoryPage
    log.push(...page.items)
    if (page.items.length === 0) return log
  }
}

async function rest(server: ServerProcess, method: string, path: string, body?: unknown): Promise<unknown> {
  const { keyId, keySecret } = server.key
  const response = await fetch(new URL(path, server.url), {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`${keyId}:${keySecret}`).toString('base64')}`,
      'content-type': 'application/json',
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`)
  return response.json()
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Mulberry32: small, seeded, good enough to spread moments. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
