import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ChatFixture, openChat } from '../../tests/chat-fixture.ts'
import type { Notices } from './notices.ts'

let fixture: ChatFixture
let notices: Notices
beforeAll(async () => {
  fixture = await openChat()
  notices = fixture.chats[0].notices
})
afterAll(() => fixture.close())

const day = 86_400_000
const say = (projectId: string, text: string, audience: Parameters<Notices['create']>[1]['audience']) =>
  notices.create(projectId, { audience, content: { text }, expiresInMs: day })
const seen = async (projectId: string, userId: string, afterNo = 0) =>
  (await notices.list(projectId, userId, { afterNo, limit: 50 })).items.map(({ content }) => content.text)

test('CHAT-140: a notice is for users, for tags or for all, and nobody else reads it', async () => {
  await notices.setTags('p1', 'vip', ['gold', 'early'])
  await notices.setTags('p1', 'new', ['early'])
  await say('p1', 'to two', { kind: 'users', userIds: ['vip', 'plain'] })
  await say('p1', 'to all', { kind: 'all' })
  await say('p1', 'to gold', { kind: 'tags', tags: ['gold', 'silver'] })
  expect(await seen('p1', 'vip')).toEqual(['to two', 'to all', 'to gold'])
  expect(await seen('p1', 'new')).toEqual(['to all'])
  expect(await seen('p1', 'plain')).toEqual(['to two', 'to all'])
  expect(await seen('p2', 'vip')).toEqual([])
  await notices.setTags('p1', 'vip', [])
  expect(await seen('p1', 'vip')).toEqual(['to two', 'to all'])
})

test('CHAT-141: a broadcast writes one row, however many users there are', async () => {
  const { rows: before } = await fixture.database.project('p1').query({
    text: 'select * from chat.notice_receivers where project_id = $1',
    values: ['p1'],
  })
  await say('p1', 'once', { kind: 'all' })
  await notices.list('p1', 'vip', { afterNo: 0, limit: 50 })
  const { rows: after } = await fixture.database.project('p1').query({
    text: 'select * from chat.notice_receivers where project_id = $1',
    values: ['p1'],
  })
  expect(after).toEqual(before)
})

test('CHAT-142: unread is derived, the cursor moves forward only, expired and withdrawn ones count no more', async () => {
  const first = await say('p3', 'one', { kind: 'all' })
  const second = await say('p3', 'two', { kind: 'users', userIds: ['ann'] })
  const third = await say('p3', 'three', { kind: 'all' })
  const state = async () => {
    const { readNo, unread } = await notices.list('p3', 'ann', { afterNo: 0, limit: 1 })
    return { readNo, unread }
  }
  expect(await state()).toEqual({ readNo: 0, unread: 3 })
  await notices.read('p3', 'ann', first.no)
  expect(await state()).toEqual({ readNo: first.no, unread: 2 })
  await notices.read('p3', 'ann', 0)
  expect(await state()).toEqual({ readNo: first.no, unread: 2 })
  await notices.withdraw('p3', second.id)
  expect(await state()).toEqual({ readNo: first.no, unread: 1 })
  await fixture.database.project('p3').query({
    text: 'update chat.notices set expires_at = now() where project_id = $1 and id = $2',
    values: ['p3', third.id],
  })
  expect(await state()).toEqual({ readNo: first.no, unread: 0 })
  expect(await notices.read('p3', 'ann', 1_000_000)).toEqual({ readNo: third.no, unread: 0 })
  await expect(notices.withdraw('p3', second.id)).rejects.toMatchObject({ code: 'not-found' })
})

test('CHAT-143: whoever reads on from the last number misses none, while others write', async () => {
  const writing = Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      say('p4', `n${index}`, index % 2 === 0 ? { kind: 'all' } : { kind: 'users', userIds: ['ann'] }),
    ),
  )
  const read: string[] = []
  let afterNo = 0
  let done = false
  writing.then(() => {
    done = true
  })
  for (;;) {
    const last = done
    const page = await notices.list('p4', 'ann', { afterNo, limit: 7 })
    read.push(...page.items.map(({ content }) => content.text))
    afterNo = page.items.at(-1)?.no ?? afterNo
    if (last && !page.more) break
  }
  expect(read.length).toBe(40)
  expect(new Set(read)).toEqual(new Set((await writing).map(({ content }) => content.text)))
})
