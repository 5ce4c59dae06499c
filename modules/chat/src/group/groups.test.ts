import { AppError } from '@parley/contracts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ChatFixture, openChat } from '../../tests/chat-fixture.ts'
import type { GuardedJoin } from '../ports.ts'
import type { ChatService } from '../service.ts'

const projectId = 'proj_a'
let fixture: ChatFixture
let chat: ChatService
let other: ChatService
let guard: (join: GuardedJoin) => Promise<string[]> = async ({ userIds }) => userIds

beforeAll(async () => {
  fixture = await openChat({ joinGuard: { check: (join) => guard(join) } })
  ;[chat, other] = fixture.chats
})
afterAll(() => fixture.close())

const server = { projectId, userId: undefined }
const as = (userId: string) => ({ projectId, userId })
const refused = (code: string) => expect.objectContaining({ code })
let made = 0
const send = (senderId: string, conversationId: string, by = chat) =>
  by.sender.send({
    ...{ projectId, senderId, conversationId, clientMessageId: `g-${++made}` },
    content: { type: 'text', text: 'hello' },
  })

/** own is the owner, adm an admin, mem and two members. */
async function group(settings = {}): Promise<string> {
  const { id } = await chat.groups.create(as('own'), {
    type: 'group',
    memberIds: ['adm', 'mem', 'two'],
    settings,
  })
  await chat.group.members.update(as('own'), id, 'adm', { role: 'admin' })
  return id
}
const headOf = async (id: string) => (await chat.groups.read(server, id)).headSeq
const entriesOf = async (id: string) =>
  (await chat.history.list(projectId, id, undefined, { afterSeq: 0, limit: 200 })).items

test('CHAT-100: only the owner changes roles, and nobody makes a second owner', async () => {
  const id = await group()
  await expect(chat.group.members.update(as('adm'), id, 'mem', { role: 'admin' })).rejects.toEqual(
    refused('forbidden'),
  )
  expect(await chat.group.members.update(as('own'), id, 'adm', { role: 'member' })).toMatchObject({
    role: 'member',
  })
  await expect(chat.group.members.update(as('own'), id, 'own', { role: 'member' })).rejects.toEqual(
    refused('forbidden'),
  )
  await expect(chat.group.members.update(as('own'), id, 'none', { role: 'admin' })).rejects.toEqual(
    refused('not-a-member'),
  )
})

test('CHAT-101: a transfer makes one owner of another and is one entry', async () => {
  const id = await group()
  await expect(chat.groups.transfer(as('adm'), id, 'mem')).rejects.toEqual(refused('forbidden'))
  await chat.groups.transfer(as('own'), id, 'mem')
  const { items } = await chat.group.members.list(as('own'), id, { limit: 10 })
  expect(items.map(({ userId, role }) => [userId, role])).toEqual([
    ['adm', 'admin'],
    ['mem', 'owner'],
    ['own', 'admin'],
    ['two', 'member'],
  ])
  expect((await entriesOf(id)).at(-1)?.content).toEqual({
    type: 'owner-changed',
    ownerId: 'mem',
    previousOwnerId: 'own',
  })
  await expect(chat.groups.transfer(as('own'), id, 'own')).rejects.toEqual(refused('forbidden'))
})

test('CHAT-102: a muted member gets no seq, on whatever process, until the mute ends or is lifted', async () => {
  const id = await group()
  await send('mem', id)
  await send('mem', id, other)
  await chat.group.members.mute(as('adm'), id, 'mem', {})
  const head = await headOf(id)
  // The other process still holds the view from before: the lock tells it.
  await expect(send('mem', id, other)).rejects.toEqual(refused('muted'))
  await expect(send('mem', id)).rejects.toEqual(refused('muted'))
  expect(await headOf(id)).toBe(head)
  await send('two', id, other)
  await chat.group.members.unmute(as('adm'), id, 'mem')
  await send('mem', id, other)
  await chat.group.members.mute(as('own'), id, 'mem', { durationMs: 1_000 })
  await fixture.database.project(projectId).query({
    text: `update chat.members set muted_until = now() - interval '1 second'
      where project_id = $1 and conversation_id = $2 and user_id = 'mem'`,
    values: [projectId, id],
  })
  await send('mem', id)
})

test('CHAT-102: a mute stays when the member leaves and joins again', async () => {
  const id = await group({ joinPolicy: 'open' })
  await chat.group.members.mute(as('own'), id, 'mem', {})
  await chat.groups.remove(as('mem'), id, 'mem')
  await chat.group.joining.join(as('mem'), id, {})
  await expect(send('mem', id)).rejects.toEqual(refused('muted'))
  expect((await chat.group.members.listMuted(as('two'), id, { limit: 10 })).items).toEqual([
    { userId: 'mem', mutedUntil: '9999-12-31T00:00:00.000Z' },
  ])
})

test('CHAT-103: nobody mutes, bans or removes who stands as high or higher', async () => {
  const id = await group()
  const { members } = chat.group
  for (const attempt of [
    () => members.mute(as('adm'), id, 'own', {}),
    () => members.mute(as('adm'), id, 'adm', {}),
    () => members.mute(as('mem'), id, 'two', {}),
    () => members.ban(as('adm'), id, 'own', {}),
    () => members.ban(as('mem'), id, 'two', {}),
    () => chat.groups.removeMany(as('adm'), id, ['mem', 'own'], undefined),
    () => members.muteAll(as('mem'), id, { exemptRoles: [], exemptUserIds: [] }),
  ])
    await expect(attempt()).rejects.toEqual(refused('forbidden'))
  expect((await chat.group.members.list(server, id, { limit: 10 })).items).toHaveLength(4)
  await members.mute(server, id, 'own', {})
  await expect(send('own', id)).rejects.toEqual(refused('muted'))
})

test('CHAT-104: mute of all spares roles and users that are exempt', async () => {
  const id = await group()
  await send('mem', id, other)
  await chat.group.members.muteAll(as('adm'), id, { exemptRoles: ['owner'], exemptUserIds: ['two'] })
  await expect(send('mem', id, other)).rejects.toEqual(refused('muted'))
  await expect(send('adm', id)).rejects.toEqual(refused('muted'))
  await send('own', id, other)
  await send('two', id, other)
  expect((await chat.conversation(projectId, id, 'mem')).muteAll).toMatchObject({ exemptUserIds: ['two'] })
  await chat.group.members.unmuteAll(as('own'), id)
  await send('mem', id, other)
})

test('CHAT-105: whoMay.send lets chosen roles speak only, from the commit of the setting on', async () => {
  const id = await group()
  await send('mem', id, other)
  await expect(chat.groups.updateSettings(as('adm'), id, { whoMay: { send: 'admins' } })).rejects.toEqual(
    refused('forbidden'),
  )
  await chat.groups.updateSettings(as('own'), id, { whoMay: { send: 'admins' } })
  await expect(send('mem', id, other)).rejects.toEqual(refused('forbidden'))
  await send('adm', id, other)
  expect((await chat.groups.read(server, id)).settings?.whoMay).toEqual({
    ...{
      invite: 'admins',
      editProfile: 'admins',
      send: 'admins',
      editAttributes: 'admins',
      announce: 'admins',
    },
  })
  await chat.groups.updateSettings(as('own'), id, { whoMay: { invite: 'all', editProfile: 'all' } })
  await chat.groups.add(as('mem'), id, ['new'], 'member')
  expect(await chat.groups.update(as('mem'), id, { name: 'ours' })).toMatchObject({ name: 'ours' })
})

test('CHAT-106: a ban removes at once and keeps out by every way until it ends or is lifted', async () => {
  const id = await group({ joinPolicy: 'open' })
  const { token } = await chat.group.links.create(as('own'), id, {})
  await chat.group.members.ban(as('adm'), id, 'mem', { reason: 'spam' })
  expect((await entriesOf(id)).at(-1)?.content).toEqual({
    ...{ type: 'members-removed', userIds: ['mem'], left: false, banned: true, reason: 'spam' },
  })
  await expect(send('mem', id, other)).rejects.toEqual(refused('not-a-member'))
  for (const way of [
    () => chat.group.joining.join(as('mem'), id, {}),
    () => chat.group.joining.join(as('mem'), id, { token }),
    () => chat.groups.add(server, id, ['fine', 'mem'], 'member'),
    () => chat.group.invitations.invite(as('own'), id, { userIds: ['mem'] }),
  ])
    await expect(way()).rejects.toEqual(refused('banned'))
  const { items } = await chat.group.members.listBans(as('adm'), id, { limit: 10 })
  expect(items).toMatchObject([{ userId: 'mem', bannedBy: 'adm', reason: 'spam' }])
  await expect(chat.group.members.listBans(as('two'), id, { limit: 10 })).rejects.toEqual(
    refused('forbidden'),
  )
  await chat.group.members.unban(as('adm'), id, 'mem')
  expect(await chat.group.joining.join(as('mem'), id, {})).toEqual({ status: 'joined' })
})

test('CHAT-107: the join policy decides: open lets in, invite-only refuses, approval asks', async () => {
  const closed = await group()
  await expect(chat.group.joining.join(as('new'), closed, {})).rejects.toEqual(refused('forbidden'))
  const open = await group({ joinPolicy: 'open' })
  expect(await chat.group.joining.join(as('new'), open, {})).toEqual({ status: 'joined' })
  const head = await headOf(open)
  expect(await chat.group.joining.join(as('new'), open, {})).toEqual({ status: 'joined' })
  expect(await headOf(open)).toBe(head)

  const id = await group({ joinPolicy: 'approval' })
  const asked = await chat.group.joining.join(as('new'), id, { message: 'please' })
  expect(asked).toMatchObject({ status: 'requested', request: { status: 'pending', message: 'please' } })
  const again = await chat.group.joining.join(as('new'), id, {})
  expect(again.request?.id).toBe(asked.request?.id)
  const requestId = asked.request?.id ?? ''
  await expect(chat.group.joining.approve(as('mem'), id, requestId)).rejects.toEqual(refused('forbidden'))
  await chat.group.joining.approve(as('adm'), id, requestId)
  await send('new', id, other)
  await expect(chat.group.joining.reject(as('adm'), id, requestId, undefined)).rejects.toEqual(
    refused('conflict'),
  )
})

test('CHAT-108: a request is decided once: rejected with a reason, withdrawn, or expired', async () => {
  const id = await group({ joinPolicy: 'approval' })
  const ask = async (userId: string) => (await chat.group.joining.join(as(userId), id, {})).request?.id ?? ''
  const first = await ask('r1')
  expect(await chat.group.joining.reject(as('adm'), id, first, 'full')).toMatchObject({
    ...{ status: 'rejected', reason: 'full', decidedBy: 'adm' },
  })
  await expect(chat.group.joining.approve(as('adm'), id, first)).rejects.toEqual(refused('conflict'))
  const second = await ask('r2')
  await expect(chat.group.joining.withdraw(as('r1'), id, second)).rejects.toEqual(refused('not-found'))
  await chat.group.joining.withdraw(as('r2'), id, second)
  const third = await ask('r3')
  await fixture.database.project(projectId).query({
    text: 'update chat.join_requests set expires_at = now() where project_id = $1 and id = $2',
    values: [projectId, third],
  })
  await expect(chat.group.joining.approve(as('adm'), id, third)).rejects.toEqual(refused('conflict'))
  const expired = await chat.group.joining.list(as('adm'), id, { status: 'expired', limit: 10 })
  expect(expired.items.map((item) => item.id)).toEqual([third])
  expect(await ask('r3')).not.toBe(third)
  const pending = await chat.group.joining.list(as('adm'), id, { status: 'pending', limit: 10 })
  expect(pending.items.map((item) => item.userId)).toEqual(['r3'])
})

test('CHAT-109: an invitation with consent makes a member once it is accepted, and only once', async () => {
  const id = await group({ invitationConsent: true })
  await expect(chat.groups.add(as('own'), id, ['new'], 'member')).rejects.toEqual(refused('forbidden'))
  await expect(chat.group.invitations.invite(as('mem'), id, { userIds: ['new'] })).rejects.toEqual(
    refused('forbidden'),
  )
  const { invitations } = await chat.group.invitations.invite(as('own'), id, {
    userIds: ['new', 'mem', 'no'],
  })
  expect(invitations.map(({ userId }) => userId).sort()).toEqual(['new', 'no'])
  const { items } = await chat.group.invitations.listReceived(as('new'), { limit: 10 })
  expect(items).toMatchObject([{ conversationId: id, inviterId: 'own', status: 'pending' }])
  const invitationId = items[0]?.id ?? ''
  await expect(chat.group.invitations.accept(as('no'), invitationId)).rejects.toEqual(refused('not-found'))
  await chat.group.invitations.accept(as('new'), invitationId)
  await expect(chat.group.invitations.accept(as('new'), invitationId)).rejects.toEqual(refused('conflict'))
  await send('new', id)
  const forNo = (await chat.group.invitations.listReceived(as('no'), { limit: 10 })).items[0]?.id ?? ''
  expect(await chat.group.invitations.decline(as('no'), forNo)).toMatchObject({ status: 'declined' })
  expect((await chat.group.invitations.listSent(as('own'), id, { limit: 10 })).items).toEqual([])

  const direct = await group()
  expect(await chat.group.invitations.invite(as('own'), direct, { userIds: ['new'] })).toEqual({
    ...{ joined: ['new'], invitations: [] },
  })
})

test('CHAT-110: an invitation link lets in as often as it says, also into a group with approval', async () => {
  const id = await group({ joinPolicy: 'approval' })
  const { token, link } = await chat.group.links.create(as('own'), id, { maxUses: 2 })
  const answers = await Promise.allSettled(
    ['l1', 'l2', 'l3', 'l4'].map((userId) => chat.group.joining.join(as(userId), id, { token })),
  )
  expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
  expect(answers.filter(({ status }) => status === 'rejected')).toMatchObject([
    ...[{ reason: { code: 'invitation-expired' } }, { reason: { code: 'invitation-expired' } }],
  ])
  expect((await chat.group.links.list(as('adm'), id)).items).toMatchObject([{ id: link.id, uses: 2 }])
  const elsewhere = await group()
  const fresh = await chat.group.links.create(as('own'), id, { expiresInMs: 60_000 })
  await expect(chat.group.joining.join(as('l5'), elsewhere, { token: fresh.token })).rejects.toEqual(
    refused('invitation-expired'),
  )
  await expect(chat.group.links.revoke(as('mem'), id, fresh.link.id)).rejects.toEqual(refused('forbidden'))
  await chat.group.links.revoke(as('adm'), id, fresh.link.id)
  await expect(chat.group.joining.join(as('l5'), id, { token: fresh.token })).rejects.toEqual(
    refused('invitation-expired'),
  )
})

test('CHAT-111: the guard is asked before any joining and decides', async () => {
  const open = await group({ joinPolicy: 'open' })
  const asked: GuardedJoin[] = []
  guard = async (join) => {
    asked.push(join)
    const allowed = join.userIds.filter((userId) => !userId.startsWith('bad'))
    if (allowed.length === 0) throw new AppError('forbidden', 'not here')
    return allowed
  }
  try {
    await expect(chat.group.joining.join(as('bad1'), open, {})).rejects.toEqual(refused('forbidden'))
    expect(await chat.groups.add(server, open, ['good', 'bad2'], 'member')).toEqual(['good'])
    expect(asked.map(({ via, userIds }) => [via, userIds])).toEqual([
      ['join', ['bad1']],
      ['server', ['good', 'bad2']],
    ])
    const id = await group({ joinPolicy: 'approval' })
    const { request } = await chat.group.joining.join(as('bad3'), id, {})
    await expect(chat.group.joining.approve(as('adm'), id, request?.id ?? '')).rejects.toEqual(
      refused('forbidden'),
    )
    expect(asked.at(-1)).toMatchObject({ via: 'request', actorId: 'adm' })
  } finally {
    guard = async ({ userIds }) => userIds
  }
})

test('CHAT-112: attributes change together or not at all, each with its version', async () => {
  const id = await group()
  const { attributes } = chat.group
  await expect(attributes.update(as('mem'), id, { set: { a: '1' } })).rejects.toEqual(refused('forbidden'))
  const { items } = await attributes.update(as('adm'), id, { set: { a: '1', b: '2' }, versions: { a: 0 } })
  const version = items[0]?.version ?? 0
  const stale = attributes.update(as('adm'), id, { set: { a: '9', c: '3' }, versions: { a: version - 1 } })
  await expect(stale).rejects.toEqual(refused('version-mismatch'))
  await attributes.update(as('adm'), id, { set: { a: '5' }, remove: ['b'], versions: { a: version } })
  expect((await attributes.list(as('mem'), id)).items).toMatchObject([
    { key: 'a', value: '5', updatedBy: 'adm' },
  ])
  expect((await entriesOf(id)).at(-1)?.content).toEqual({
    ...{ type: 'attributes-changed', set: { a: '5' }, removed: ['b'] },
  })
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`k${index}`, 'v']))
  await expect(attributes.update(server, id, { set: many })).rejects.toEqual(refused('limit-exceeded'))
  expect((await attributes.list(server, id)).items).toHaveLength(1)
})

test('CHAT-113: the announcement shows in the conversation and keeps who said what when', async () => {
  const id = await group()
  await expect(chat.group.announcements.announce(as('mem'), id, 'x')).rejects.toEqual(refused('forbidden'))
  await chat.group.announcements.announce(as('adm'), id, 'first')
  await chat.group.announcements.announce(as('own'), id, 'second')
  expect((await chat.conversation(projectId, id, 'mem')).announcement).toMatchObject({
    ...{ text: 'second', userId: 'own' },
  })
  const page = await chat.group.announcements.list(as('mem'), id, { limit: 1 })
  expect(page.items).toMatchObject([{ text: 'second', userId: 'own' }])
  const next = await chat.group.announcements.list(as('mem'), id, { limit: 1, cursor: page.nextCursor })
  expect(next).toMatchObject({ items: [{ text: 'first', userId: 'adm' }] })
  expect(next.nextCursor).toBeUndefined()
})

test('CHAT-114: members name themselves; owner and admins name those below them', async () => {
  const id = await group()
  await chat.group.members.update(as('mem'), id, 'mem', { nickname: 'Memo', custom: { colour: 'red' } })
  expect(await chat.group.members.get(as('two'), id, 'mem')).toMatchObject({
    ...{ nickname: 'Memo', custom: { colour: 'red' } },
  })
  await expect(chat.group.members.update(as('two'), id, 'mem', { nickname: 'x' })).rejects.toEqual(
    refused('forbidden'),
  )
  const named = await chat.group.members.update(as('adm'), id, 'mem', { nickname: null })
  expect(named.nickname).toBeUndefined()
  expect(named.custom).toEqual({ colour: 'red' })
})

test('CHAT-115: a dissolved group is over for everybody, and its log stays for the server', async () => {
  const id = await group()
  await send('mem', id, other)
  await expect(chat.groups.dissolve(as('adm'), id)).rejects.toEqual(refused('forbidden'))
  const { cursor } = await chat.syncs.sync({ projectId, userId: 'mem', limit: 100 })
  await chat.groups.dissolve(as('own'), id)
  for (const attempt of [
    () => send('mem', id, other),
    () => send('own', id),
    () => chat.history.list(projectId, id, 'own', { limit: 10 }),
  ])
    await expect(attempt()).rejects.toEqual(refused('not-a-member'))
  await expect(chat.groups.add(server, id, ['mem'], 'member')).rejects.toEqual(refused('conflict'))
  expect((await chat.syncs.sync({ projectId, userId: 'mem', limit: 100, cursor })).removed).toContain(id)
  expect((await entriesOf(id)).at(-1)?.content).toEqual({ type: 'dissolved' })
})

test('CHAT-116: a change that fails leaves nothing behind', async () => {
  const id = await group()
  const before = await chat.groups.read(server, id)
  await expect(chat.groups.removeMany(as('adm'), id, ['mem', 'own'], undefined)).rejects.toEqual(
    refused('forbidden'),
  )
  await expect(chat.group.links.revoke(as('own'), id, 'link_none')).rejects.toEqual(refused('not-found'))
  expect(await chat.groups.read(server, id)).toEqual(before)
})

test('CHAT-15: groups of another project are not there', async () => {
  const id = await group({ joinPolicy: 'open' })
  const foreign = { projectId: 'proj_b', userId: 'own' }
  for (const attempt of [
    () => chat.group.joining.join(foreign, id, {}),
    () => chat.group.members.list(foreign, id, { limit: 10 }),
    () => chat.group.members.mute(foreign, id, 'mem', {}),
    () => chat.group.attributes.list(foreign, id),
    () => chat.groups.dissolve(foreign, id),
  ])
    await expect(attempt()).rejects.toEqual(refused('conversation-not-found'))
})
