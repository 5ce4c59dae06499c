import { type Endpoint, webhookEndpoints } from '@parley/contracts'
import { fuzzEndpoints } from '@parley/core/http/fuzz'
import { basic } from '@parley/core/http/test-server'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { forgetOldDeliveries } from './retention.ts'
import { type Installation, openInstallation, type Process, probeId, until } from './tests/installation.ts'
import { Receiver } from './tests/receiver.ts'

let installation: Installation
let server: Process
beforeAll(async () => {
  installation = await openInstallation()
  server = await installation.start()
})
afterAll(() => installation?.close())

let receiver: Receiver
let project: string
let count = 0
beforeEach(async () => {
  project = `proj_p${++count}`
  receiver = await Receiver.start()
})
afterEach(() => receiver.close())

async function register(body: Record<string, unknown> = {}, to = receiver, as = project) {
  const made = await server.call(as, 'POST', '/v1/webhooks', { url: to.url, events: ['*'], ...body })
  expect(made).toMatchObject({ status: 201 })
  to.secrets = [...to.secrets, made.body.secret]
  return made.body as { id: string; secret: string }
}

const deliveries = async (id: string, query = '') =>
  (await server.call(project, 'GET', `/v1/webhooks/${id}/deliveries${query}`)).body

const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1)

describe('deliveries', () => {
  test('HOOK-1, HOOK-2: events come as CloudEvents, signed, in order of their resource', async () => {
    const { id } = await register()
    await server.append(project, 'user/a', 40)
    await server.append(project, 'user/b', 3)
    await server.append(project, 'user/a', 10)
    await until(() => receiver.accepted.length >= 53)
    expect(receiver.unverified).toEqual([])
    expect(
      receiver.accepted.filter(({ data }) => data.resource === 'user/a').map(({ data }) => data.n),
    ).toEqual(upTo(50))
    expect(receiver.numbersOf('user/b')).toEqual([1, 2, 3])
    expect(receiver.mostUnderWay).toBe(1)
    const first = receiver.accepted.find(({ data }) => data.resource === 'user/a')
    expect(JSON.parse(first?.body ?? '')).toEqual({
      specversion: '1.0',
      id: probeId(project, 'user/a', 1),
      source: `/projects/${project}`,
      type: 'user.created',
      subject: 'user/a',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      data: { resource: 'user/a', n: 1 },
    })
    expect(first?.headers['webhook-id']).toBe(probeId(project, 'user/a', 1))
    await until(async () => (await deliveries(id, '?state=waiting')).items.length === 0)
    const log = await deliveries(id, '?limit=50')
    expect(log.items).toHaveLength(50)
    expect(log.items[0]).toMatchObject({ state: 'delivered', attemptCount: 1, attempts: [{ status: 200 }] })
    const rest = await deliveries(id, `?limit=50&cursor=${log.nextCursor}`)
    expect(rest.items.map((one: { eventId: string }) => one.eventId)).toContain(probeId(project, 'user/a', 1))
    expect(rest.nextCursor).toBeUndefined()
  })

  test('HOOK-3: a webhook takes what its filters name, once enabled', async () => {
    const narrow = await register({ events: ['room.created'] })
    const other = await Receiver.start()
    const wide = await register({ events: ['user.*'] }, other)
    await server.append(project, 'user/a', 2)
    await until(() => other.accepted.length === 2)
    await until(async () => (await deliveries(wide.id, '?state=delivered')).items.length === 2)
    expect((await deliveries(narrow.id)).items).toEqual([])
    expect(receiver.received).toEqual([])
    await other.close()
  })

  test('HOOK-4: a failed attempt is repeated and holds back its resource only; the attempts are told', async () => {
    let failures = 2
    receiver.reply = ({ data }) =>
      data.resource === 'user/bad' && data.n === 1 && failures-- > 0 ? 500 : 200
    const { id } = await register()
    await server.append(project, 'user/bad', 3)
    await server.append(project, 'user/good', 3)
    await until(() => receiver.accepted.length >= 6)
    expect(receiver.numbersOf('user/bad')).toEqual([1, 2, 3])
    await until(async () => (await deliveries(id, '?state=delivered')).items.length === 6)
    const { items } = await deliveries(id, `?eventId=${probeId(project, 'user/bad', 1)}`)
    expect(items).toHaveLength(1)
    expect(items[0].attempts.map((attempt: { status: number }) => attempt.status)).toEqual([500, 500, 200])
  })

  test('HOOK-5: after the last attempt a delivery is dead, the next is sent, and a replay brings it', async () => {
    receiver.reply = ({ data }) => (data.n === 1 ? 503 : 200)
    const { id } = await register()
    await server.append(project, 'user/a', 2)
    await until(async () => {
      // The schedule need not be sat out.
      await server.database.project(project).query({ text: 'update webhooks.queues set due_at = now()' })
      server.webhooks.announce()
      return receiver.accepted.length >= 1
    })
    expect(receiver.numbersOf('user/a')).toEqual([2])
    const dead = (await deliveries(id, '?state=dead')).items
    expect(dead).toMatchObject([{ eventId: probeId(project, 'user/a', 1), attemptCount: 10 }])
    expect(receiver.received.filter(({ data }) => data.n === 1)).toHaveLength(10)
    receiver.reply = () => 200
    const path = `/v1/webhooks/${id}/deliveries/${dead[0].id}/replay`
    const again = await server.call(project, 'POST', path)
    expect(again).toMatchObject({ status: 202, body: { replayOf: dead[0].id, state: 'waiting' } })
    await until(() => receiver.accepted.length >= 2)
    expect(receiver.accepted.at(-1)?.id).toBe(probeId(project, 'user/a', 1))
    const one = await server.call(project, 'GET', `/v1/webhooks/${id}/deliveries/${again.body.id}`)
    expect(one.body.event.data).toEqual({ resource: 'user/a', n: 1 })
  })

  test('HOOK-6: 410 disables the webhook; what waits is held and goes out in order when it is enabled', async () => {
    receiver.reply = () => 410
    const { id } = await register()
    await server.append(project, 'user/a', 3)
    await until(async () => !(await server.call(project, 'GET', `/v1/webhooks/${id}`)).body.enabled)
    const gone = await server.call(project, 'GET', `/v1/webhooks/${id}`)
    expect(gone.body).toMatchObject({ enabled: false, disabledReason: 'gone' })
    await server.append(project, 'user/a', 1)
    const [waiting] = (await deliveries(id, '?state=waiting')).items
    const replayed = await server.call(project, 'POST', `/v1/webhooks/${id}/deliveries/${waiting.id}/replay`)
    expect(replayed.body).toMatchObject({ id: waiting.id, state: 'waiting' })
    expect(replayed.body.nextAttemptAt).toBeUndefined()
    receiver.reply = () => 200
    const enabled = await server.call(project, 'PATCH', `/v1/webhooks/${id}`, { enabled: true })
    expect(enabled.body).toMatchObject({ enabled: true })
    expect(enabled.body.disabledReason).toBeUndefined()
    await until(() => receiver.accepted.length >= 3)
    await server.append(project, 'user/a', 1)
    await until(() => receiver.numbersOf('user/a').includes(5))
    expect(receiver.numbersOf('user/a').slice(0, 3)).toEqual([1, 2, 3])
  })

  test('HOOK-7: a redirect is a failed attempt, and its target hears nothing', async () => {
    const inside = await Receiver.start()
    let redirects = 1
    receiver.reply = () =>
      redirects-- > 0 ? (response) => void response.writeHead(307, { location: inside.url }).end() : 200
    const { id } = await register()
    await server.append(project, 'user/a')
    await until(() => receiver.accepted.length === 1)
    expect(inside.received.length + inside.unverified.length).toBe(0)
    await until(async () => (await deliveries(id)).items[0].state === 'delivered')
    expect((await deliveries(id)).items[0].attempts[0]).toMatchObject({
      status: 307,
      error: 'redirects are not followed',
    })
    await inside.close()
  })

  test('HOOK-8: slow answers, endless answers and broken connections end the attempt, not the delivery', async () => {
    const replies = ['never', 'break', 'half']
    receiver.reply = () => {
      const next = replies.shift()
      if (next === 'never') return () => undefined
      if (next === 'break') return (_response, incoming) => void incoming.socket.destroy()
      if (next === 'half') return (response) => void response.socket?.end('HTTP/1.1 200 O')
      return 200
    }
    const { id } = await register()
    await server.append(project, 'user/a')
    await until(() => receiver.accepted.length === 1)
    await until(async () => (await deliveries(id)).items[0].state === 'delivered')
    const [{ attempts }] = (await deliveries(id)).items
    expect(attempts[0].error).toContain('no answer within')
    expect(attempts.slice(0, -1).every((attempt: { status?: number }) => attempt.status === undefined)).toBe(
      true,
    )

    receiver.reply = () => (response) => {
      response.writeHead(200)
      const pour = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        if (!response.destroyed) response.once('drain', pour)
      }
      pour()
    }
    await server.append(project, 'user/a')
    await until(async () => (await deliveries(id, '?state=delivered')).items.length === 2)
  })

  test('HOOK-9: during a rotation several secrets sign; after it the new one alone', async () => {
    const { id, secret: before } = await register()
    const rotated = await server.call(project, 'POST', `/v1/webhooks/${id}/rotate-secret`, {
      overlapMs: 60_000,
    })
    expect(rotated.status).toBe(201)
    await server.append(project, 'user/a')
    await until(() => receiver.accepted.length === 1)
    expect(String(receiver.accepted[0]?.headers['webhook-signature']).split(' ')).toHaveLength(2)
    receiver.secrets = [rotated.body.secret]
    await server.append(project, 'user/a')
    await until(() => receiver.accepted.length === 2)
    const last = await server.call(project, 'POST', `/v1/webhooks/${id}/rotate-secret`, { overlapMs: 0 })
    receiver.secrets = [last.body.secret]
    await server.append(project, 'user/a')
    await until(() => receiver.accepted.length === 3)
    expect(String(receiver.accepted[2]?.headers['webhook-signature']).split(' ')).toHaveLength(1)
    expect(receiver.unverified).toEqual([])
    expect(new Set([before, rotated.body.secret, last.body.secret]).size).toBe(3)
  })

  test('HOOK-10: a receiver that is down gets everything when it is back', async () => {
    const { id } = await register()
    const port = Number(new URL(receiver.url).port)
    const { secrets } = receiver
    await receiver.close()
    await server.append(project, 'user/a', 5)
    await until(async () => {
      const { items } = await deliveries(id, `?eventId=${probeId(project, 'user/a', 1)}`)
      return items[0]?.attemptCount >= 1
    })
    receiver = await Receiver.start(port)
    receiver.secrets = secrets
    await until(() => receiver.accepted.length >= 5)
    expect(receiver.numbersOf('user/a')).toEqual([1, 2, 3, 4, 5])
  })

  test('HOOK-11: a slow receiver takes no place from others', async () => {
    receiver.reply = () => () => undefined
    await register()
    const other = await Receiver.start()
    const quick = await register({ events: ['room.*', 'user.created'] }, other)
    for (let index = 0; index < 30; index++) await server.append(project, `user/${index}`)
    await until(() => other.accepted.length >= 30)
    expect([...receiver.underWay.values()].filter((busy) => busy > 0).length).toBeLessThanOrEqual(8)
    await server.call(project, 'DELETE', `/v1/webhooks/${quick.id}`)
    await other.close()
  })
})

describe('REST', () => {
  test('HOOK-12: a secret is told once and lies sealed in the database', async () => {
    const { id, secret } = await register({ description: 'mine' })
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    const shown = await server.call(project, 'GET', `/v1/webhooks/${id}`)
    expect(shown.body).toMatchObject({ id, description: 'mine', enabled: true, events: ['*'] })
    expect(JSON.stringify(shown.body)).not.toContain(secret)
    const { rows } = await server.database.system.query<{ sealed: Buffer }>({
      text: 'select sealed from webhooks.secrets where endpoint_id = $1',
      values: [id],
    })
    expect(rows).toHaveLength(1)
    expect(rows[0]?.sealed.includes(Buffer.from(secret.slice(6), 'base64'))).toBe(false)
    expect(rows[0]?.sealed.includes(secret)).toBe(false)
  })

  test('HOOK-13: another project sees, changes and hears nothing', async () => {
    const { id } = await register()
    await server.append(project, 'user/a')
    await until(async () => (await deliveries(id, '?state=delivered')).items.length === 1)
    const [delivery] = (await deliveries(id)).items
    const foreign = 'proj_foreign'
    for (const [method, path, body] of [
      ['GET', `/v1/webhooks/${id}`],
      ['PATCH', `/v1/webhooks/${id}`, { enabled: false }],
      ['DELETE', `/v1/webhooks/${id}`],
      ['POST', `/v1/webhooks/${id}/rotate-secret`, {}],
      ['GET', `/v1/webhooks/${id}/deliveries`],
      ['GET', `/v1/webhooks/${id}/deliveries/${delivery.id}`],
      ['POST', `/v1/webhooks/${id}/deliveries/${delivery.id}/replay`],
    ] as const) {
      expect((await server.call(foreign, method, path, body)).status, `${method} ${path}`).toBe(404)
    }
    expect((await server.call(foreign, 'GET', '/v1/webhooks')).body.items).toEqual([])
    await server.append(foreign, 'user/a', 2)
    await server.append(project, 'user/a')
    await until(() => receiver.accepted.length === 2)
    expect(receiver.received.every(({ source }) => source === `/projects/${project}`)).toBe(true)
    for (const table of ['endpoints', 'secrets', 'events', 'deliveries', 'queues']) {
      const { rows } = await server.database
        .project(foreign)
        .query({ text: `select * from webhooks.${table}` })
      expect(rows, table).toEqual([])
    }
  })

  test('what does not fit is refused', async () => {
    const refused = async (body: unknown) => (await server.call(project, 'POST', '/v1/webhooks', body)).status
    expect(await refused({ url: receiver.url, events: ['mesage.created'] })).toBe(400)
    expect(await refused({ url: receiver.url, events: [] })).toBe(400)
    expect(await refused({ url: 'ftp://example.org', events: ['*'] })).toBe(400)
    expect(await refused({ url: 'http://user:pw@example.org', events: ['*'] })).toBe(400)
    expect(await refused({ url: 'http://169.254.169.254/latest', events: ['*'] })).toBe(400)
    expect(await refused({ url: 'http://[::ffff:10.0.0.1]/', events: ['*'] })).toBe(400)
    expect((await server.call(project, 'GET', '/v1/webhooks?cursor=x')).body.code).toBe('invalid-cursor')
  })

  test('HOOK-14: a project has a bounded number of webhooks, listed in pages', async () => {
    for (let index = 0; index < 50; index++) await register({ events: ['room.closed'] })
    const more = await server.call(project, 'POST', '/v1/webhooks', { url: receiver.url, events: ['*'] })
    expect(more.body.code).toBe('limit-exceeded')
    const first = (await server.call(project, 'GET', '/v1/webhooks?limit=30')).body
    const second = (await server.call(project, 'GET', `/v1/webhooks?limit=30&cursor=${first.nextCursor}`))
      .body
    expect([first.items.length, second.items.length, second.nextCursor]).toEqual([30, 20, undefined])
  })
})

test('HOOK-18: the log forgets what is older than it is kept, and nothing else', async () => {
  const { id } = await register()
  await server.append(project, 'user/a', 2)
  await until(async () => (await deliveries(id, '?state=delivered')).items.length === 2)
  const scope = server.database.project(project)
  const old = probeId(project, 'user/a', 1)
  for (const [table, column] of [
    ['deliveries', 'event_id'],
    ['events', 'id'],
  ]) {
    await scope.query({
      text: `update webhooks.${table} set created_at = now() - interval '31 days' where ${column} = $1`,
      values: [old],
    })
  }
  await forgetOldDeliveries(server.database, 32)
  expect((await deliveries(id)).items).toHaveLength(2)
  await forgetOldDeliveries(server.database, 30)
  expect((await deliveries(id)).items).toMatchObject([{ eventId: probeId(project, 'user/a', 2) }])
  const { rows } = await scope.query<{ id: string }>({ text: 'select id from webhooks.events' })
  expect(rows).toEqual([{ id: probeId(project, 'user/a', 2) }])
})

test('no input gives an internal error', async () => {
  const { id } = await register({ events: ['user.created'], blocking: { hooks: ['message.before-send'] } })
  await server.append(project, 'user/a', 2)
  await until(async () => (await deliveries(id, '?state=delivered')).items.length === 2)
  const [delivery] = (await deliveries(id)).items
  // What removes comes last, so that the others find something.
  const last = (one: Endpoint): number => (one.method === 'DELETE' ? 1 : 0)
  const endpoints = (Object.values(webhookEndpoints) as Endpoint[]).sort((a, b) => last(a) - last(b))
  const report = await fuzzEndpoints({
    url: server.url,
    endpoints,
    credentials: { key: basic(project.replace('proj_', 'key_')) },
    knownIds: [id, delivery.id],
    runsPerEndpoint: 40,
    seed: 11,
  })
  expect(Object.keys(report)).toHaveLength(endpoints.length)
})
