import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type People, type Person, people } from './people.ts'

let cloud: DevCloud
let them: People
beforeAll(async () => {
  const generous = { PARLEY_HTTP_USER_BURST: '100000', PARLEY_HTTP_USER_PER_SECOND: '100000' }
  cloud = await startDevCloud({
    servers: 2,
    env: { PARLEY_RTC: 'off', PARLEY_HTTP_KEY_BURST: '100000', ...generous },
  })
  them = people(cloud)
})
afterAll(async () => {
  await them.close()
  await cloud.close()
})

const size = 3
interface ModelMoment {
  id: string
  author: number
  visibility: string
  excluded: number[]
  likes: Set<number>
  comments: { author: number; text: string }[]
}

/** The rules, in the plainest words. */
class Model {
  readonly blocks = new Set<string>()
  readonly friends = new Set<string>()
  readonly close = new Set<string>()
  readonly follows = new Set<string>()
  readonly asked = new Set<string>()
  readonly moments: ModelMoment[] = []

  apart(a: number, b: number): boolean {
    return this.blocks.has(`${a}>${b}`) || this.blocks.has(`${b}>${a}`)
  }

  sees(reader: number, { author, visibility, excluded }: ModelMoment): boolean {
    if (reader === author) return true
    if (this.apart(reader, author) || excluded.includes(reader)) return false
    if (visibility === 'public') return true
    if (visibility === 'friends') return this.friends.has(`${author}>${reader}`)
    if (visibility === 'followers') return this.follows.has(`${reader}>${author}`)
    if (visibility === 'labels') return this.close.has(`${author}>${reader}`)
    return false
  }

  near(reader: number, author: number): boolean {
    return (
      reader === author || this.friends.has(`${reader}>${author}`) || this.follows.has(`${reader}>${author}`)
    )
  }

  part(a: number, b: number): void {
    for (const tie of [`${a}>${b}`, `${b}>${a}`]) {
      this.friends.delete(tie)
      this.close.delete(tie)
      this.follows.delete(tie)
      this.asked.delete(tie)
    }
  }

  befriend(a: number, b: number): void {
    for (const tie of [`${a}>${b}`, `${b}>${a}`]) {
      this.friends.add(tie)
      this.asked.delete(tie)
    }
  }
}

const who = fc.nat({ max: size - 1 })
const step = fc.record({
  kind: fc.constantFrom(
    ...(['block', 'unblock', 'ask', 'ask', 'remove', 'removeOwn', 'label', 'follow', 'unfollow'] as const),
    ...(['post', 'post', 'post', 'post', 'delete', 'like', 'unlike', 'comment'] as const),
  ),
  a: who,
  b: who,
  visibility: fc.constantFrom('public', 'friends', 'followers', 'labels', 'me'),
  exclude: fc.boolean(),
  pick: fc.nat(),
  server: fc.nat({ max: 1 }),
})
/** Ties to begin with: between strangers there is little to hide. */
const beginning = fc.array(
  fc.record({ a: who, b: who, friend: fc.boolean(), label: fc.boolean(), follow: fc.boolean() }),
  { minLength: 3, maxLength: 8 },
)
type Beginning = typeof beginning extends fc.Arbitrary<infer B> ? B : never

async function begin(model: Model, persons: Person[], ties: Beginning): Promise<void> {
  const always = { visibility: 'public' as const, exclude: false, pick: 0, server: 0 }
  for (const { a, b, friend, label, follow } of ties) {
    const steps: [boolean, Step['kind'], number, number][] = [
      [friend, 'ask', a, b],
      [friend, 'ask', b, a],
      [label, 'label', a, b],
      [follow, 'follow', a, b],
    ]
    for (const [wanted, kind, one, other] of steps) {
      if (wanted) await perform(model, persons, { ...always, kind, a: one, b: other })
    }
  }
}

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

async function perform(model: Model, persons: Person[], given: Step): Promise<void> {
  const { kind, a, b, visibility, exclude, pick, server } = given
  const one = persons[a] as Person
  const other = persons[b] as Person
  const moment = model.moments[pick % Math.max(1, model.moments.length)]
  const call = async (method: string, path: string, body?: unknown) => one.call(method, path, body, server)
  const tie = `${a}>${b}`
  if (a === b && !['post', 'delete', 'like', 'unlike', 'comment'].includes(kind)) return
  switch (kind) {
    case 'block':
      expect((await call('PUT', `/v1/blocks/${other.id}`)).status).toBe(200)
      if (!model.blocks.has(tie)) model.part(a, b)
      model.blocks.add(tie)
      return
    case 'unblock':
      await call('DELETE', `/v1/blocks/${other.id}`)
      model.blocks.delete(tie)
      return
    case 'ask': {
      const { status, body } = await call('POST', '/v1/friend-requests', { toUserId: other.id })
      if (model.apart(a, b)) return void expect([403, 409]).toContain(status)
      const agreed = model.friends.has(`${b}>${a}`) || model.asked.has(`${b}>${a}`)
      expect(body.status).toBe(agreed ? 'accepted' : 'pending')
      if (agreed) model.befriend(a, b)
      else model.asked.add(tie)
      return
    }
    case 'remove':
    case 'removeOwn': {
      const own = kind === 'removeOwn'
      await call('DELETE', `/v1/friends/${other.id}?sides=${own ? 'own' : 'both'}`)
      for (const gone of own ? [tie] : [tie, `${b}>${a}`]) {
        model.friends.delete(gone)
        model.close.delete(gone)
      }
      return
    }
    case 'label': {
      const { status } = await call('PATCH', `/v1/friends/${other.id}`, { labels: exclude ? [] : ['close'] })
      expect(status).toBe(model.friends.has(tie) ? 200 : 404)
      if (status === 200 && !exclude) model.close.add(tie)
      else model.close.delete(tie)
      return
    }
    case 'follow': {
      const { status } = await call('PUT', `/v1/following/${other.id}`)
      expect(status === 200).toBe(!model.apart(a, b))
      if (status === 200) model.follows.add(tie)
      return
    }
    case 'unfollow':
      await call('DELETE', `/v1/following/${other.id}`)
      model.follows.delete(tie)
      return
    case 'post': {
      const { body } = await call('POST', '/v1/moments', {
        text: `by ${a}`,
        visibility,
        ...(visibility === 'labels' && { labels: ['close'] }),
        ...(exclude && { excludedUserIds: [other.id] }),
      })
      const excluded = exclude ? [b] : []
      model.moments.push({ id: body.id, author: a, visibility, excluded, likes: new Set(), comments: [] })
      return
    }
  }
  if (moment === undefined) return
  const seen = model.sees(a, moment)
  switch (kind) {
    case 'delete': {
      const { status } = await call('DELETE', `/v1/moments/${moment.id}`)
      expect(status).toBe(moment.author === a ? 200 : 404)
      if (status === 200) model.moments.splice(model.moments.indexOf(moment), 1)
      return
    }
    case 'like':
    case 'unlike': {
      const { status, body } = await call(kind === 'like' ? 'PUT' : 'DELETE', `/v1/moments/${moment.id}/like`)
      expect(status).toBe(seen ? 200 : 404)
      if (!seen) return
      if (kind === 'like') moment.likes.add(a)
      else moment.likes.delete(a)
      expect(body.likes).toBe(moment.likes.size)
      return
    }
    case 'comment': {
      const text = `said ${pick}`
      const { status } = await call('POST', `/v1/moments/${moment.id}/comments`, { text })
      expect(status).toBe(seen ? 201 : 404)
      if (seen) moment.comments.push({ author: a, text })
    }
  }
}

async function compare(model: Model, persons: Person[], server: number): Promise<void> {
  const ids = (items: { id: string }[]): string[] => items.map(({ id }) => id)
  for (const [reader, person] of persons.entries()) {
    const get = async (path: string) => (await person.call('GET', path, undefined, server)).body
    const newest = [...model.moments].reverse()
    const wanted = newest.filter((moment) => model.near(reader, moment.author) && model.sees(reader, moment))
    expect(ids((await get('/v1/timeline?limit=200')).items)).toEqual(ids(wanted))
    for (const [author, { id }] of persons.entries()) {
      const page = newest.filter((moment) => moment.author === author && model.sees(reader, moment))
      expect(ids((await get(`/v1/moments?limit=200&authorId=${id}`)).items)).toEqual(ids(page))
    }
    const friends = persons.flatMap(({ id }, other) => (model.friends.has(`${reader}>${other}`) ? [id] : []))
    const listed = (await get('/v1/friends')).items.map(({ userId }: { userId: string }) => userId)
    expect(listed.sort()).toEqual(friends.sort())
    const { items: told, unread } = await get('/v1/interactions?limit=200')
    expect(unread).toBe(told.length)
    for (const { actorId, momentId } of told) {
      const actor = persons.findIndex(({ id }) => id === actorId)
      expect(model.apart(reader, actor)).toBe(false)
      const about = model.moments.find(({ id }) => id === momentId)
      if (momentId !== undefined) expect(about && model.sees(reader, about)).toBe(true)
    }
  }
  for (const moment of model.moments) {
    for (const [reader, person] of persons.entries()) {
      const { status, body } = await person.call('GET', `/v1/moments/${moment.id}`, undefined, server)
      expect(status).toBe(model.sees(reader, moment) ? 200 : 404)
      if (status !== 200) continue
      expect(body).toMatchObject({ likes: moment.likes.size, comments: moment.comments.length })
      const { body: comments } = await person.call('GET', `/v1/moments/${moment.id}/comments?limit=200`)
      expect(comments.items.map(({ text }: { text: string }) => text)).toEqual(
        moment.comments.filter(({ author }) => !model.apart(reader, author)).map(({ text }) => text),
      )
    }
  }
}

test('SOC-59: after any steps on two servers nobody sees what the rules hide, and everybody what they show', async () => {
  await fc.assert(
    fc.asyncProperty(beginning, fc.array(step, { minLength: 10, maxLength: 45 }), async (ties, steps) => {
      const persons = await them.make('u0', 'u1', 'u2')
      const model = new Model()
      await begin(model, persons, ties)
      for (const each of steps) await perform(model, persons, each)
      await compare(model, persons, steps.length % 2)
    }),
    { numRuns: 40, interruptAfterTimeLimit: 60_000 },
  )
}, 120_000)
