import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type People, type Person, people } from './people.ts'

let cloud: DevCloud
let them: People
beforeAll(async () => {
  cloud = await startDevCloud({ servers: 2, env: { PARLEY_RTC: 'off' } })
  them = people(cloud)
})
afterAll(async () => {
  await them.close()
  await cloud.close()
})

const post = async (author: Person, moment: Record<string, unknown>) => {
  const { status, body } = await author.call('POST', '/v1/moments', moment)
  expect(status, JSON.stringify(body)).toBe(201)
  return body
}
const texts = (answer: { body: { items: { text: string }[] } }): string[] =>
  answer.body.items.map(({ text }) => text)
const timeline = async (reader: Person, server = 0) =>
  texts(await reader.call('GET', '/v1/timeline', undefined, server))
const pageOf = async (reader: Person, author: Person) =>
  texts(await reader.call('GET', `/v1/moments?authorId=${author.id}`))
const interactions = async (person: Person) => (await person.call('GET', '/v1/interactions')).body

test('SOC-50: who sees a moment is what its author chose, by page, by timeline and by id', async () => {
  const [ann, friend, close, follower, stranger] = await them.make(
    'ann',
    'friend',
    'close',
    'follower',
    'stranger',
  )
  await them.befriend(ann, friend)
  await them.befriend(ann, close)
  await ann.call('PATCH', `/v1/friends/${close.id}`, { labels: ['close'] })
  await follower.call('PUT', `/v1/following/${ann.id}`)
  const moments = [
    await post(ann, { text: 'public', visibility: 'public' }),
    await post(ann, { text: 'friends', visibility: 'friends' }),
    await post(ann, { text: 'followers', visibility: 'followers' }),
    await post(ann, { text: 'labels', visibility: 'labels', labels: ['close', 'other'] }),
    await post(ann, { text: 'me', visibility: 'me' }),
    await post(ann, { text: 'not friend', visibility: 'friends', excludedUserIds: [friend.id] }),
  ]
  const seen: [Person, string[]][] = [
    [ann, ['not friend', 'me', 'labels', 'followers', 'friends', 'public']],
    [friend, ['friends', 'public']],
    [close, ['not friend', 'labels', 'friends', 'public']],
    [follower, ['followers', 'public']],
    [stranger, ['public']],
  ]
  for (const [reader, expected] of seen) {
    expect(await pageOf(reader, ann)).toEqual(expected)
    expect(await timeline(reader, 1)).toEqual(reader === stranger ? [] : expected)
    for (const { id, text } of moments) {
      const { status } = await reader.call('GET', `/v1/moments/${id}`)
      expect(status).toBe(expected.includes(text) ? 200 : 404)
    }
  }
  expect(moments[3].audience).toEqual({ labels: ['close', 'other'], excludedUserIds: [] })
  expect((await close.call('GET', `/v1/moments/${moments[3].id}`)).body).not.toHaveProperty('audience')
})

test('SOC-51: a timeline merges friends and followed authors, newest first, page by page', async () => {
  const [reader, friend, author] = await them.make('reader', 'friend', 'author')
  await them.befriend(reader, friend)
  await reader.call('PUT', `/v1/following/${author.id}`)
  const expected: string[] = []
  for (let no = 1; no <= 12; no++) {
    const who = [reader, friend, author][no % 3] as Person
    expected.unshift((await post(who, { text: `m${no}`, visibility: 'public' })).text)
  }
  const paged: string[] = []
  let cursor = ''
  for (;;) {
    const { body } = await reader.call('GET', `/v1/timeline?limit=5${cursor}`, undefined, paged.length % 2)
    paged.push(...body.items.map(({ text }: { text: string }) => text))
    if (body.nextCursor === undefined) break
    cursor = `&cursor=${body.nextCursor}`
  }
  expect(paged).toEqual(expected)
})

test('SOC-52: a moment is one row, however many follow', async () => {
  const [author, ...followers] = await them.make('author', 'f1', 'f2', 'f3', 'f4')
  for (const follower of followers) await follower.call('PUT', `/v1/following/${author.id}`)
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: cloud.databaseUrl })
  await client.connect()
  await client.query("select set_config('parley.project_id', '*', false)")
  const rows = async (): Promise<number> => {
    let count = 0
    for (const table of ['moments', 'interactions', 'likes', 'comments', 'people', 'follows']) {
      count += Number((await client.query(`select count(*) from social.${table}`)).rows[0].count)
    }
    return count
  }
  const before = await rows()
  await post(author, { text: 'to many', visibility: 'followers' })
  expect(await rows()).toBe(before + 1)
  await client.end()
  expect(await timeline(followers[3])).toEqual(['to many'])
})

test('SOC-53: the same clientMomentId is one moment, also from two servers at once', async () => {
  const [ann] = await them.make('ann')
  const moment = { text: 'once', clientMomentId: 'c1', visibility: 'public' }
  const made = await Promise.all([0, 1].map((server) => ann.call('POST', '/v1/moments', moment, server)))
  expect(made.map(({ status }) => status)).toEqual([201, 201])
  expect(made[0]?.body.id).toBe(made[1]?.body.id)
  expect(await pageOf(ann, ann)).toEqual(['once'])
})

test('SOC-54: files of a moment are stored ones, with addresses signed for the reading', async () => {
  const [ann, bob] = await them.make('ann', 'bob')
  const missing = await ann.call('POST', '/v1/moments', { objectIds: ['obj_none'] })
  expect(missing.body.code).toBe('object-not-found')
  expect((await ann.call('POST', '/v1/moments', { text: '  ' })).body.code).toBe('invalid-request')
  const bytes = Buffer.from('not much')
  const announced = { name: 'a.txt', contentType: 'text/plain', sizeBytes: bytes.length }
  const { body: upload } = await ann.call('POST', '/v1/uploads', announced)
  const objectId = upload.id
  expect((await ann.call('POST', '/v1/moments', { objectIds: [objectId] })).body.code).toBe(
    'object-not-found',
  )
  expect((await fetch(upload.uploadUrl, { method: 'PUT', body: bytes })).ok).toBe(true)
  const moment = await post(ann, { objectIds: [objectId], visibility: 'public' })
  const seen = (await bob.call('GET', `/v1/moments/${moment.id}`)).body
  expect(seen.media).toMatchObject([{ objectId, name: 'a.txt', sizeBytes: bytes.length }])
  expect(await (await fetch(seen.media[0].url)).text()).toBe('not much')
})

test('SOC-55: content is screened before it is stored', async () => {
  await cloud.call('PUT', '/v1/moderation/word-lists/bad', {
    verdict: 'reject',
    words: [{ text: 'forbidden' }],
  })
  await cloud.call('PUT', '/v1/moderation/word-lists/mild', { verdict: 'replace', words: [{ text: 'darn' }] })
  const [ann] = await them.make('ann')
  expect((await ann.call('POST', '/v1/moments', { text: 'a forbidden thing' })).body.code).toBe(
    'content-rejected',
  )
  expect((await post(ann, { text: 'darn it' })).text).toBe('**** it')
  expect(await pageOf(ann, ann)).toEqual(['**** it'])
  const [own] = (await ann.call('GET', '/v1/moments')).body.items
  const comment = await ann.call('POST', `/v1/moments/${own.id}/comments`, { text: 'forbidden' })
  expect(comment.body.code).toBe('content-rejected')
  const profile = await ann.call('PATCH', '/v1/profile', { fields: { signature: 'forbidden' } })
  expect(profile.body.code).toBe('content-rejected')
})

test('SOC-60: likes are counted exactly, however they come', async () => {
  const [ann, ...likers] = await them.make('ann', 'l1', 'l2', 'l3', 'l4', 'l5')
  const { id } = await post(ann, { text: 'like me', visibility: 'public' })
  await Promise.all(
    likers.flatMap((liker) =>
      [0, 1].map((server) => liker.call('PUT', `/v1/moments/${id}/like`, undefined, server)),
    ),
  )
  expect((await likers[0].call('GET', `/v1/moments/${id}`)).body).toMatchObject({ likes: 5, liked: true })
  await Promise.all(
    [0, 1].map((server) => likers[0].call('DELETE', `/v1/moments/${id}/like`, undefined, server)),
  )
  const list = await ann.call('GET', `/v1/moments/${id}/likes`)
  expect(list.body.items).toHaveLength(4)
  expect((await likers[0].call('GET', `/v1/moments/${id}`)).body).toMatchObject({ likes: 4, liked: false })
  expect((await interactions(ann)).unread).toBe(4)
})

test('SOC-61: comments are replied to, and deleted by who wrote them or whose moment it is', async () => {
  const [ann, bob, cat] = await them.make('ann', 'bob', 'cat')
  const { id } = await post(ann, { text: 'talk', visibility: 'public' })
  const say = (who: Person, comment: unknown) => who.call('POST', `/v1/moments/${id}/comments`, comment)
  const first = (await say(bob, { text: 'first' })).body
  const reply = (await say(cat, { text: 'reply', replyToCommentId: first.id })).body
  expect(reply.replyTo).toEqual({ commentId: first.id, userId: bob.id })
  expect((await say(cat, { text: 'x', replyToCommentId: 'comment_none' })).status).toBe(404)
  expect((await cat.call('DELETE', `/v1/moments/${id}/comments/${first.id}`)).status).toBe(403)
  expect((await bob.call('DELETE', `/v1/moments/${id}/comments/${first.id}`)).status).toBe(200)
  expect((await ann.call('GET', `/v1/moments/${id}`)).body.comments).toBe(1)
  expect((await interactions(bob)).items.map(({ kind }: { kind: string }) => kind)).toEqual(['replied'])
  expect((await ann.call('DELETE', `/v1/moments/${id}/comments/${reply.id}`)).status).toBe(200)
  expect((await interactions(bob)).items).toEqual([])
  expect((await interactions(ann)).items).toEqual([])
})

test('SOC-62: a block hides moments, likes and comments both ways, and refuses new ones', async () => {
  const [ann, bob, cat] = await them.make('ann', 'bob', 'cat')
  const { id } = await post(ann, { text: 'open', visibility: 'public' })
  const theirs = await post(cat, { text: 'by cat', visibility: 'public' })
  await bob.call('PUT', `/v1/moments/${id}/like`)
  await bob.call('POST', `/v1/moments/${id}/comments`, { text: 'by bob' })
  await cat.call('POST', `/v1/moments/${id}/comments`, { text: 'by cat' })
  await cat.call('PUT', `/v1/blocks/${bob.id}`)
  for (const [reader, shown] of [
    [ann, ['by bob', 'by cat']],
    [bob, ['by bob']],
    [cat, ['by cat']],
  ] as const) {
    expect(texts(await reader.call('GET', `/v1/moments/${id}/comments`))).toEqual(shown)
  }
  expect((await cat.call('GET', `/v1/moments/${id}/likes`)).body.items).toEqual([])
  for (const path of ['like', 'comments']) {
    const method = path === 'like' ? 'PUT' : 'POST'
    const answer = await bob.call(
      method,
      `/v1/moments/${theirs.id}/${path}`,
      path === 'like' ? undefined : { text: 'x' },
    )
    expect(answer.status).toBe(404)
  }
  const mention = await bob.call('POST', `/v1/moments/${id}/comments`, { text: 'hey', mentions: [cat.id] })
  expect(mention.body.code).toBe('blocked')
  expect((await bob.call('POST', '/v1/moments', { text: 'hey', mentions: [cat.id] })).body.code).toBe(
    'blocked',
  )
  expect((await ann.call('GET', `/v1/moments/${id}`)).body).toMatchObject({ likes: 1, comments: 2 })
})

test('SOC-70: interactions are told live on another process, counted, read, and gone with what they were about', async () => {
  const [ann, bob, cat] = await them.make('ann', 'bob', 'cat')
  await them.befriend(ann, bob)
  const there = await ann.connect(1)
  const { id } = await post(ann, { text: 'mine' })
  await bob.call('PUT', `/v1/moments/${id}/like`)
  await there.waitFor('interaction.created', ({ interaction }) => interaction.kind === 'liked')
  await bob.call('POST', `/v1/moments/${id}/comments`, { text: 'hey', mentions: [ann.id, cat.id] })
  const told = await there.waitFor(
    'interaction.created',
    ({ interaction }) => interaction.kind === 'commented',
  )
  expect(told).toMatchObject({ unread: 2, interaction: { actorId: bob.id, momentId: id } })
  // Who may not see the moment is not told of it.
  expect((await interactions(cat)).items).toEqual([])
  const { items } = await interactions(ann)
  const read = await ann.call('PUT', '/v1/interactions/read-cursor', { no: items[1].no })
  expect(read.body).toEqual({ readNo: items[1].no, unread: 1 })
  expect((await ann.call('PUT', '/v1/interactions/read-cursor', { no: 0 })).body.readNo).toBe(items[1].no)
  await bob.call('POST', '/v1/moments', { text: '@ann', mentions: [ann.id] })
  expect((await interactions(ann)).items[0]).toMatchObject({ kind: 'mentioned' })
  await ann.call('DELETE', `/v1/moments/${id}`)
  expect(await interactions(ann)).toMatchObject({ unread: 1, items: [{ kind: 'mentioned' }] })
  await ann.call('PUT', `/v1/blocks/${bob.id}`)
  expect(await interactions(ann)).toMatchObject({ unread: 0, items: [] })
})

test('SOC-56: friends and followers who may see a moment hear of it live', async () => {
  const [ann, friend, follower] = await them.make('ann', 'friend', 'follower')
  await them.befriend(ann, friend)
  await follower.call('PUT', `/v1/following/${ann.id}`)
  const [near, far] = [await friend.connect(1), await follower.connect(1)]
  const closed = await post(ann, { text: 'friends', visibility: 'friends' })
  const open = await post(ann, { text: 'public', visibility: 'public' })
  await near.waitFor('moment.created', ({ momentId }) => momentId === closed.id)
  await far.waitFor('moment.created', ({ momentId }) => momentId === open.id)
  const heard = far.events.flatMap((event) => (event.type === 'moment.created' ? [event.momentId] : []))
  expect(heard).toEqual([open.id])
})

test('SOC-57: a moment is deleted by its author or by the customer’s server', async () => {
  const [ann, bob] = await them.make('ann', 'bob')
  const one = await post(ann, { text: 'one', visibility: 'public' })
  const two = await post(ann, { text: 'two', visibility: 'public' })
  await bob.call('PUT', `/v1/moments/${one.id}/like`)
  expect((await bob.call('DELETE', `/v1/moments/${one.id}`)).status).toBe(404)
  expect((await ann.call('DELETE', `/v1/moments/${one.id}`)).status).toBe(200)
  expect((await cloud.call('DELETE', `/v1/moments/${two.id}`)).status).toBe(200)
  expect(await pageOf(bob, ann)).toEqual([])
  expect((await bob.call('PUT', `/v1/moments/${one.id}/like`)).status).toBe(404)
})
