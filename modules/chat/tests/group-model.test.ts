import type { MemberRole, Message } from '@parley/contracts'
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

const names = ['u0', 'u1', 'u2', 'u3', 'u4']
const changes = [
  ...['mute', 'unmute', 'mute-all', 'unmute-all', 'ban', 'unban', 'remove', 'add'],
  ...['promote', 'demote', 'transfer', 'ask', 'approve', 'reject'],
] as const
type Change = (typeof changes)[number]
/** A change by somebody (5 is the customer's server), a send, or a send while a change of the sender is under way. */
type Step =
  | { kind: Change; actor: number; target: number; server: number }
  | { kind: 'send'; target: number }
  | { kind: 'race'; target: number; change: 'mute' | 'ban' | 'remove' | 'mute-all' }

const index = (count: number) => fc.integer({ min: 0, max: count - 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('send' as const), target: index(5) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('race' as const),
      target: index(5),
      change: fc.constantFrom('mute' as const, 'ban' as const, 'remove' as const, 'mute-all' as const),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom(...changes),
      actor: index(6),
      target: index(5),
      server: index(2),
    }),
  },
)

const ranks: Record<string, number> = { owner: 3, admin: 2, member: 1 }

/** What the rules say a group is after some entries of its log. */
class Group {
  readonly roles = new Map<string, MemberRole>()
  readonly muted = new Set<string>()
  allMuted = false

  maySpeak(userId: string): boolean {
    const role = this.roles.get(userId)
    if (role === undefined || this.muted.has(userId)) return false
    return !this.allMuted || role !== 'member'
  }

  /** The server stands above everybody. */
  isAbove(actor: string | undefined, target: MemberRole | undefined): boolean {
    if (actor === undefined) return true
    return this.#rank(actor) > Math.max(1, ranks[target ?? 'member'] ?? 0)
  }

  isOwner(actor: string | undefined): boolean {
    return actor === undefined || this.#rank(actor) === 3
  }

  #rank(userId: string): number {
    return ranks[this.roles.get(userId) ?? ''] ?? 0
  }

  take({ content }: Message): void {
    switch (content.type) {
      case 'members-added':
        for (const { userId, role } of content.members) this.roles.set(userId, role)
        return
      case 'members-removed':
        for (const userId of content.userIds) this.roles.delete(userId)
        return
      case 'member-changed':
        if (content.role !== undefined) this.roles.set(content.userId, content.role)
        return
      case 'owner-changed':
        if (content.previousOwnerId !== undefined) this.roles.set(content.previousOwnerId, 'admin')
        this.roles.set(content.ownerId, 'owner')
        return
      case 'member-muted':
        this.muted.add(content.userId)
        return
      case 'member-unmuted':
        this.muted.delete(content.userId)
        return
      case 'all-muted':
        this.allMuted = true
        return
      case 'all-unmuted':
        this.allMuted = false
    }
  }
}

let runs = 0

async function play(steps: readonly Step[]): Promise<void> {
  const prefix = `g${++runs}-`
  const id = `${prefix}group`
  const users = names.map((name) => `${prefix}${name}`)
  const tokens = await Promise.all(users.map((userId) => cloud.token(userId)))
  const members = users.slice(0, 4)
  await cloud.call('POST', '/v1/conversations', {
    ...{ type: 'group', id, ownerId: users[0], memberIds: members, settings: { joinPolicy: 'approval' } },
  })
  const devices = await Promise.all(
    users.map((_, at) =>
      RealtimeClient.connect(cloud.servers[at % 2]?.url ?? '', tokens[at] ?? '', `d${at}`),
    ),
  )
  const beginning = (): Group => {
    const group = new Group()
    for (const userId of members) group.roles.set(userId, userId === users[0] ? 'owner' : 'member')
    return group
  }
  let now = beginning()
  const bans = new Set<string>()
  const asking = new Map<string, string>()
  let sent = 0
  try {
    for (const item of steps) {
      await perform(item)
      now = replay(await readLog())
      for (const userId of now.roles.keys()) asking.delete(userId)
    }
    await check()
  } finally {
    await Promise.all(devices.map((device) => device.close()))
  }

  async function readLog(): Promise<Message[]> {
    const { body } = await cloud.call('GET', `/v1/conversations/${id}/messages?afterSeq=0&limit=200`)
    return (body as { items: Message[] }).items
  }

  /** Goes through the log once more: at each message the sender was in and had a voice. */
  function replay(log: readonly Message[]): Group {
    const group = beginning()
    for (const entry of log) {
      if (entry.content.type === 'text') expect(group.maySpeak(entry.senderId), `seq ${entry.seq}`).toBe(true)
      group.take(entry)
    }
    return group
  }

  function send(target: number): Promise<unknown> | undefined {
    const text = `${prefix}${++sent}`
    return devices[target]?.request('message.send', {
      ...{ conversationId: id, clientMessageId: text, content: { type: 'text', text } },
    })
  }

  async function perform(item: Step): Promise<void> {
    const target = users[item.target] ?? ''
    if (item.kind === 'send') {
      if (now.maySpeak(target)) await send(item.target)
      else await expect(send(item.target)).rejects.toMatchObject({ name: 'Error' })
      return
    }
    if (item.kind === 'race') {
      await Promise.allSettled([
        send(item.target),
        call(item.change, undefined, target, 1),
        send(item.target),
      ])
      if (item.change === 'ban') bans.add(target)
      return
    }
    const actor = users[item.actor]
    const may = allowed(item.kind, actor, target)
    const status = await call(item.kind, item.actor, target, item.server)
    expect([item.kind, actor, target, status < 300]).toEqual([item.kind, actor, target, may])
    if (!may) return
    if (item.kind === 'ban') bans.add(target)
    if (item.kind === 'unban') bans.delete(target)
    if (item.kind === 'reject' || item.kind === 'approve') asking.delete(target)
  }

  function allowed(kind: Change, actor: string | undefined, target: string): boolean {
    const role = now.roles.get(target)
    const decides = now.isAbove(actor, 'member')
    switch (kind) {
      case 'mute':
      case 'unmute':
        return role !== undefined && now.isAbove(actor, role)
      case 'mute-all':
      case 'unmute-all':
      case 'unban':
        return decides
      case 'ban':
        return role === undefined ? decides : now.isAbove(actor, role)
      case 'remove':
        return role !== undefined && (actor === target || now.isAbove(actor, role))
      case 'add':
        return decides && (role !== undefined || !bans.has(target))
      case 'promote':
      case 'demote':
        return now.isOwner(actor) && role !== undefined && role !== 'owner'
      case 'transfer':
        return now.isOwner(actor) && role !== undefined
      case 'ask':
        return role !== undefined || !bans.has(target)
      case 'approve':
        return decides && asking.has(target) && !bans.has(target)
      case 'reject':
        return decides && asking.has(target)
    }
  }

  /** The call as its actor; what is asked for oneself goes with the target's own token. */
  async function call(
    kind: Change,
    actor: number | undefined,
    target: string,
    server: number,
  ): Promise<number> {
    const path = `/v1/conversations/${id}`
    const member = `${path}/members/${target}`
    const token = actor === undefined ? undefined : tokens[actor]
    const options = { server, ...(token !== undefined && { token }) }
    const requestId = asking.get(target) ?? 'jreq_none'
    const calls: Record<Change, [method: string, path: string, body?: unknown]> = {
      mute: ['PUT', `${member}/mute`, {}],
      unmute: ['DELETE', `${member}/mute`],
      'mute-all': ['PUT', `${path}/mute`, {}],
      'unmute-all': ['DELETE', `${path}/mute`],
      ban: ['PUT', `${path}/bans/${target}`, {}],
      unban: ['DELETE', `${path}/bans/${target}`],
      remove: ['DELETE', member],
      add: ['POST', `${path}/members`, { userIds: [target] }],
      promote: ['PATCH', member, { role: 'admin' }],
      demote: ['PATCH', member, { role: 'member' }],
      transfer: ['POST', `${path}/transfer`, { ownerId: target }],
      ask: ['POST', `${path}/join`, {}],
      approve: ['POST', `${path}/join-requests/${requestId}/approve`, {}],
      reject: ['POST', `${path}/join-requests/${requestId}/reject`, {}],
    }
    const [method, where, body] = calls[kind]
    const own = { server, token: tokens[users.indexOf(target)] ?? '' }
    const answer = await cloud.call(method, where, body, kind === 'ask' ? own : options)
    const { request } = (answer.body ?? {}) as { request?: { id: string } }
    if (kind === 'ask' && request !== undefined) asking.set(target, request.id)
    return answer.status
  }

  async function check(): Promise<void> {
    const log = await readLog()
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_, place) => place + 1))
    const { body } = await cloud.call('GET', `/v1/conversations/${id}/members`, undefined, { server: 1 })
    const { items } = body as { items: { userId: string; role: MemberRole; mutedUntil?: string }[] }
    expect(items.map(({ userId, role }) => [userId, role])).toEqual([...now.roles].sort())
    expect(items.filter((each) => each.mutedUntil).map((each) => each.userId)).toEqual(
      [...now.muted].filter((userId) => now.roles.has(userId)).sort(),
    )
    for (const userId of now.roles.keys()) expect(bans.has(userId)).toBe(false)
    const audiences = audiencesOf(log)
    for (const [at, device] of devices.entries()) {
      for (const event of device.events) {
        const entry =
          event.type === 'message.created' ? event.message : 'entry' in event ? event.entry : undefined
        if (entry === undefined) continue
        expect(audiences[entry.seq - 1]?.has(users[at] ?? ''), `${users[at]} hears ${entry.seq}`).toBe(true)
      }
    }
  }

  function audiencesOf(log: readonly Message[]): Set<string>[] {
    const group = beginning()
    return log.map((entry) => {
      group.take(entry)
      return new Set(group.roles.keys())
    })
  }
}

test('CHAT-10, 11, 100 to 108: roles, mutes, bans and approvals in any order, also while somebody speaks', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), (steps) => play(steps)),
    { numRuns: 25, interruptAfterTimeLimit: 100_000 },
  )
}, 180_000)
