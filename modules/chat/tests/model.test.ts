import type { Message } from '@parley/contracts'
import { type DevCloud, RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'

let cloud: DevCloud
beforeAll(async () => {
  cloud = await startDevCloud({
    servers: 2,
    env: { PARLEY_HTTP_USER_PER_SECOND: '5000', PARLEY_HTTP_USER_BURST: '5000' },
  })
})
afterAll(() => cloud.close())

const users = ['u0', 'u1', 'u2', 'u3']

type Step =
  | { kind: 'send'; user: number; device: number }
  | { kind: 'reconnect'; user: number; device: number; server: number }
  | { kind: 'remove' | 'add'; user: number }
  | { kind: 'recall' | 'edit'; user: number }
  | { kind: 'read'; user: number }

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
)

/** What the rules say must be true, kept beside the real thing. */
interface Model {
  members: Set<string>
  /** Entries in order: who may see them live, and what they bear. */
  entries: { sender: string; text?: string; recalled: boolean; id?: string; audience: Set<string> }[]
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

  function append(sender: string, more: { text?: string; id?: string } = {}): void {
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
      .filter((entry) => entry.text && !entry.recalled && entry.sender !== userId)
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

test('CHAT-2, 3, 7, 8, 9, 10: any mix of sends, reconnects, membership, edits and reads keeps the rules', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), (steps) => play(steps)),
    { numRuns: 15, interruptAfterTimeLimit: 90_000 },
  )
}, 180_000)
