import type { Message } from '@parley/contracts'
import { Scope, silentLogger } from '@parley/core/kernel'
import { type Database, openDatabase } from '@parley/core/store'
import { type DevCloud, RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'

let cloud: DevCloud
let database: Database
const scope = new Scope('model', silentLogger)

beforeAll(async () => {
  cloud = await startDevCloud({
    servers: 2,
    env: { PARLEY_HTTP_USER_PER_SECOND: '5000', PARLEY_HTTP_USER_BURST: '5000' },
  })
  database = await openDatabase({ url: cloud.databaseUrl, logger: silentLogger, scope })
})
afterAll(async () => {
  await scope.close()
  await cloud.close()
})

const users = ['u0', 'u1', 'u2', 'u3']

type Step =
  | { kind: 'send'; user: number; device: number }
  | { kind: 'reconnect'; user: number; device: number; server: number }
  | { kind: 'remove' | 'add'; user: number }
  | { kind: 'recall' | 'edit'; user: number }
  | { kind: 'read'; user: number }
  | { kind: 'react' | 'hide' | 'expire' | 'send-expiring' | 'reply'; user: number }

const index = (count: number) => fc.integer({ min: 0, max: count - 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('send' as const), user: index(4), device: index(2) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('reconnect' as const),
      user: index(4),
      device: index(2),
      server: index(2),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('remove' as const, 'add' as const), user: index(4) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('recall' as const, 'edit' as const), user: index(4) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('read' as const), user: index(4) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('react', 'hide', 'expire', 'send-expiring', 'reply' as const),
      user: index(4),
    }),
  },
)

/** What the rules say must be true, kept beside the real thing. */
interface Model {
  members: Set<string>
  /** Entries in order: who may see them live, and what they bear. */
  entries: {
    sender: string
    text?: string
    recalled: boolean
    id?: string
    audience: Set<string>
    expires?: boolean
    reactions?: Set<string>
    replyTo?: number
    hiddenFor?: Set<string>
  }[]
  read: Map<string, number>
  joinedAt: Map<string, number>
}

class Device {
  readonly #url: (server: number) => string
  readonly #token: string
  readonly #name: string
  readonly heard: Message[] = []
  client: RealtimeClient | undefined

  constructor(url: (server: number) => string, token: string, name: string) {
    this.#url = url
    this.#token = token
    this.#name = name
  }

  async connect(server: number): Promise<void> {
    await this.disconnect()
    this.client = await RealtimeClient.connect(this.#url(server), this.#token, this.#name)
  }

  async disconnect(): Promise<void> {
    this.collect()
    this.client?.terminate()
    await this.client?.closed
    this.collect()
    this.client = undefined
  }

  collect(): void {
    for (const event of this.client?.events.splice(0) ?? []) {
      if (event.type === 'message.created') this.heard.push(event.message)
      if ('entry' in event) this.heard.push(event.entry)
    }
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 10_000; !(await holds()); ) {
    if (Date.now() > deadline) throw new Error('what was due was not erased')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

let runs = 0

async function play(steps: readonly Step[]): Promise<void> {
  const prefix = `run${++runs}-`
  const id = `${prefix}group`
  const name = (user: number) => `${prefix}${users[user]}`
  const tokens = await Promise.all(users.map((_, user) => cloud.token(name(user))))
  await cloud.call('POST', '/v1/conversations', {
    type: 'group',
    id,
    memberIds: users.map((_, user) => name(user)),
  })
  const url = (server: number) => cloud.servers[server]?.url ?? ''
  const devices = tokens.map((token, user) =>
    [0, 1].map((device) => new Device(url, token, `${name(user)}-${device}`)),
  )
  await Promise.all(devices.flatMap((pair) => pair.map((device, server) => device.connect(server))))
  const model: Model = {
    members: new Set(users.map((_, user) => name(user))),
    entries: [],
    read: new Map(),
    joinedAt: new Map(),
  }
  let sent = 0
  try {
    for (const item of steps) {
      await perform(item)
    }
    await check()
  } finally {
    await Promise.all(devices.flat().map((device) => device.disconnect()))
  }

  async function headOf(): Promise<number> {
    const { body } = await cloud.call('GET', `/v1/conversations/${id}`)
    return (body as { headSeq: number }).headSeq
  }

  function append(sender: string, more: Partial<Model['entries'][number]> = {}): void {
    model.entries.push({ sender, recalled: false, audience: new Set(model.members), ...more })
  }

  async function perform(item: Step): Promise<void> {
    const user = name(item.user)
    const member = model.members.has(user)
    switch (item.kind) {
      case 'send': {
        const text = `${prefix}${++sent}`
        const client = devices[item.user]?.[item.device]?.client
        const request = client?.request('message.send', {
          conversationId: id,
          clientMessageId: text,
          content: { type: 'text', text },
        })
        if (!member) return expect(request).rejects.toMatchObject({ code: 'not-a-member' })
        const answer = await request
        append(user, { text, ...(answer && { id: answer.messageId }) })
        expect(answer?.seq).toBe(model.entries.length)
        return
      }
      case 'reconnect':
        return devices[item.user]?.[item.device]?.connect(item.server)
      case 'remove': {
        const { status } = await cloud.call('DELETE', `/v1/conversations/${id}/members/${user}`)
        expect(status).toBe(member ? 200 : 403)
        if (!member) return
        model.members.delete(user)
        append('')
        return
      }
      case 'add': {
        await cloud.call('POST', `/v1/conversations/${id}/members`, { userIds: [user] }, { server: 1 })
        if (member) return
        model.members.add(user)
        append('')
        model.joinedAt.set(user, model.entries.length - 1)
        model.read.set(user, model.entries.length - 1)
        return
      }
      case 'recall':
      case 'edit': {
        const target = model.entries.findLast((entry) => entry.sender === user && !entry.recalled && entry.id)
        if (target === undefined || !member) return
        const text = `${prefix}edited ${model.entries.length}`
        const path = `/v1/messages/${target.id}`
        const { status } =
          item.kind === 'edit'
            ? await cloud.call('PATCH', path, { content: { type: 'text', text }, userId: user })
            : await cloud.call('POST', `${path}/recall`, { userId: user })
        expect(status).toBe(200)
        if (item.kind === 'recall') target.recalled = true
        else target.text = text
        append(user)
        return
      }
      case 'send-expiring':
      case 'reply': {
        if (!member) return
        const text = `${prefix}${++sent}`
        const target = model.entries.findLastIndex(
          (entry) => entry.id && entry.text && !entry.recalled && !entry.hiddenFor?.has(user),
        )
        const replies = item.kind === 'reply' && target >= 0 && target + 1 >= (model.joinedAt.get(user) ?? 0)
        const { status, body } = await cloud.call('POST', '/v1/messages', {
          conversationId: id,
          fromUserId: user,
          clientMessageId: text,
          content: { type: 'text', text },
          ...(item.kind === 'send-expiring' && { expiresAfterMs: 3_600_000 }),
          ...(replies && { replyToId: model.entries[target]?.id }),
        })
        expect(status).toBe(201)
        append(user, {
          text,
          id: (body as { id: string }).id,
          ...(item.kind === 'send-expiring' && { expires: true }),
          ...(replies && { replyTo: target }),
        })
        return
      }
      case 'expire': {
        const due = model.entries.filter((entry) => entry.expires && !entry.recalled)
        if (due.length === 0) return
        // Their hour is over, all at once.
        await database.system.query({
          text: `update chat.entries set expires_at = now() - interval '1 second'
            where conversation_id = $1 and expires_at is not null and recalled_at is null`,
          values: [id],
        })
        const head = model.entries.length + due.length
        for (const entry of due) {
          entry.recalled = true
          append('')
        }
        await until(async () => (await headOf()) >= head)
        return
      }
      case 'react': {
        if (!member) return
        const target = model.entries.findLast((entry) => entry.id && entry.text && !entry.recalled)
        if (target?.id === undefined) return
        target.reactions ??= new Set()
        const remove = target.reactions.has(user)
        const path = `/v1/messages/${target.id}/reactions`
        const { status } = remove
          ? await cloud.call('DELETE', `${path}?emoji=x&userId=${user}`)
          : await cloud.call('PUT', path, { emoji: 'x', userId: user }, { server: 1 })
        expect(status).toBe(200)
        if (remove) target.reactions.delete(user)
        else target.reactions.add(user)
        append(user)
        return
      }
      case 'hide': {
        if (!member) return
        const seq = model.entries.findLastIndex((entry) => entry.text) + 1
        if (seq === 0) return
        await cloud.call('POST', `/v1/conversations/${id}/hidden-messages`, { seqs: [seq], userId: user })
        const entry = model.entries[seq - 1]
        if (entry) entry.hiddenFor = new Set([...(entry.hiddenFor ?? []), user])
        return
      }
      case 'read': {
        if (!member || model.entries.length === 0) return
        const seq = model.entries.length
        await cloud.call('PUT', `/v1/conversations/${id}/read-cursor`, { seq, userId: user })
        model.read.set(user, seq)
        return
      }
    }
  }

  async function check(): Promise<void> {
    const { body } = await cloud.call('GET', `/v1/conversations/${id}/messages?afterSeq=0&limit=200`)
    const log = (body as { items: Message[] }).items
    expect(log.map((entry) => entry.seq)).toEqual(model.entries.map((_, place) => place + 1))
    expect(log.map((entry) => (entry.content.type === 'text' ? entry.content.text : undefined))).toEqual(
      model.entries.map((entry) => (entry.recalled ? undefined : entry.text)),
    )
    for (const [place, entry] of log.entries()) {
      const { reactions, replyTo, recalled } = model.entries[place] ?? {}
      const count = recalled ? 0 : (reactions?.size ?? 0)
      expect(entry.reactions?.[0]?.count ?? 0).toBe(count)
      if (replyTo === undefined || recalled) continue
      // A quote shows what was there when it was made, and nothing once that is gone.
      expect(entry.replyTo?.content.type === 'text').toBe(!model.entries[replyTo]?.recalled)
    }
    for (const member of model.members) await checkMember(member)
    for (const [user, pair] of devices.entries()) for (const device of pair) checkHeard(name(user), device)
  }

  async function checkMember(userId: string): Promise<void> {
    const { body } = await cloud.call('GET', `/v1/conversations/${id}?userId=${userId}`, undefined, {
      server: 1,
    })
    const read = model.read.get(userId) ?? 0
    const unread = model.entries
      .slice(read)
      .filter(
        (entry) => entry.text && !entry.recalled && entry.sender !== userId && !entry.hiddenFor?.has(userId),
      )
    expect(body).toMatchObject({ headSeq: model.entries.length, readSeq: read, unread: unread.length })
  }

  /** A device hears entries in order, each once, and only those meant for its user. */
  function checkHeard(userId: string, device: Device): void {
    device.collect()
    const seqs = device.heard.map((entry) => entry.seq)
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b))
    for (const seq of seqs) expect(model.entries[seq - 1]?.audience.has(userId)).toBe(true)
  }
}

test('CHAT-2, 3, 7, 8, 9, 10, 53, 54, 57, 61: any mix of sends, reconnects, membership, edits, recalls, reactions, replies, expiry, deletes and reads keeps the rules', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), (steps) => play(steps)),
    { numRuns: 15, interruptAfterTimeLimit: 90_000 },
  )
}, 180_000)
