import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, expectTypeOf, test } from 'vitest'
import {
  type Cloud,
  openCloud,
  type ServerProcess,
  type TestKey,
} from '../../../modules/identity/tests/cloud.ts'
import { ParleyError, ParleyServer } from '../src/index.ts'

describe('against a server', () => {
  let cloud: Cloud
  let server: ServerProcess
  let key: TestKey
  let parley: ParleyServer
  beforeAll(async () => {
    cloud = await openCloud()
    server = await cloud.start()
    key = await server.makeProject()
    parley = new ParleyServer({ url: server.url, keyId: key.keyId, keySecret: key.secret })
  })
  afterAll(() => cloud.close())

  test('a method for each endpoint, typed by the contracts', async () => {
    const made = await parley.createUser({ id: 'ali/ce 你', name: 'Alice' })
    expectTypeOf(made.id).toEqualTypeOf<string>()
    expect(made).toMatchObject({ id: 'ali/ce 你', name: 'Alice' })
    expect(await parley.getUser({ userId: 'ali/ce 你' })).toEqual(made)
    expect((await parley.listUsers({ limit: 1 })).items).toEqual([made])
    expect((await parley.updateUser({ userId: 'ali/ce 你', name: 'Al' })).name).toBe('Al')
    expect((await parley.getProject()).id).toBe(key.projectId)
    expect((await parley.listUsers()).items).toHaveLength(1)
    expect((await parley.queryPresence({ userIds: ['nobody'] })).items[0]?.status).toBe('offline')
  })

  test('types: what the operator does is not there, and inputs are checked', () => {
    expectTypeOf<ParleyServer>().not.toHaveProperty('createProject')
    expectTypeOf(parley.createUser).parameter(0).toHaveProperty('id')
    // @ts-expect-error: a user needs an id
    const wrong = () => parley.createUser({ name: 'x' })
    expect(wrong).toBeTypeOf('function')
  })

  test('an answer that says no becomes a ParleyError with its code', async () => {
    const failure = await parley.getUser({ userId: 'nobody' }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ParleyError)
    expect(failure).toMatchObject({
      code: 'user-not-found',
      status: 404,
      retryable: false,
      requestId: expect.stringMatching(/^req_/),
    })
    const issues = await parley.createUser({ id: 'x'.repeat(200) }).catch((error: unknown) => error)
    expect(issues).toMatchObject({ code: 'invalid-request', issues: [{ path: 'id' }] })
    for (const userId of ['.', '..', '', '\ud800']) {
      await expect(parley.getUser({ userId })).rejects.toMatchObject({ code: 'invalid-request' })
    }
  })

  test('a token minted on this machine is taken by the server, and one of the server verifies here', async () => {
    const grants = { chat: { send: true, read: true } }
    const token = parley.mintToken({ userId: 'bob', ttlMs: 60_000, grants })
    expect((await server.call(token, 'GET', '/v1/users/bob')).status).toBe(200)
    expect(parley.verifyToken(token)).toMatchObject({ userId: 'bob', keyId: key.keyId, grants })
    const minted = await parley.createUserToken({ userId: 'bob', ttlMs: 5_000 })
    const facts = parley.verifyToken(minted.token)
    expect(facts.expiresAt.toISOString()).toBe(minted.expiresAt)
  })

  test('a token of another key, or past its end, does not verify', async () => {
    const other = new ParleyServer({ url: server.url, keyId: key.keyId, keySecret: 'another' })
    expect(() => parley.verifyToken(other.mintToken({ userId: 'bob' }))).toThrow(
      expect.objectContaining({ code: 'unauthenticated' }),
    )
    expect(() => parley.verifyToken(parley.mintToken({ userId: 'bob', ttlMs: -1 }))).toThrow(
      expect.objectContaining({ code: 'token-expired' }),
    )
    expect(() => parley.verifyToken('x.y.z')).toThrow(expect.objectContaining({ code: 'unauthenticated' }))
  })

  test('a POST sent again with one Idempotency-Key happens once', async () => {
    const first = await parley.createKey({ name: 'next' }, { idempotencyKey: 'make-next-key' })
    const again = await parley.createKey({ name: 'next' }, { idempotencyKey: 'make-next-key' })
    expect(again).toEqual(first)
    expect((await parley.listKeys()).items).toHaveLength(2)
  })
})

describe('against a server that fails', () => {
  let flaky: Server
  afterEach(() => {
    flaky.closeAllConnections()
    flaky.close()
  })

  /** Answers one after the other; a status of 0 cuts the connection. */
  async function answering(answers: { status: number; body?: object; hang?: true }[]) {
    const requests: { method: string | undefined; url: string | undefined; idempotencyKey: unknown }[] = []
    flaky = createServer((request, response) => {
      requests.push({
        method: request.method,
        url: request.url,
        idempotencyKey: request.headers['idempotency-key'],
      })
      const answer = answers.shift()
      if (!answer || answer.hang) return
      if (answer.status === 0) return void request.socket.destroy()
      response
        .writeHead(answer.status, { 'content-type': 'application/json' })
        .end(JSON.stringify(answer.body ?? {}))
    })
    await new Promise<void>((resolve) => flaky.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(flaky.address() as AddressInfo).port}`
    return { requests, parley: new ParleyServer({ url, keyId: 'key_1', keySecret: 's', timeoutMs: 200 }) }
  }
  const overloaded = {
    status: 503,
    body: { code: 'overloaded', detail: 'busy', retryable: true, retryAfterMs: 1 },
  }
  const user = { status: 201, body: { id: 'alice' } }

  test('what may be retried is retried under the same Idempotency-Key, which differs from call to call', async () => {
    const { requests, parley } = await answering([
      overloaded,
      { status: 0 },
      { status: 0, hang: true },
      user,
      user,
    ])
    expect(await parley.createUser({ id: 'alice' })).toEqual({ id: 'alice' })
    expect(requests).toHaveLength(4)
    expect(new Set(requests.map((request) => request.idempotencyKey)).size).toBe(1)
    await parley.createUser({ id: 'alice' })
    expect(requests[4]?.idempotencyKey).not.toBe(requests[0]?.idempotencyKey)
  })

  test('it gives up after maxAttempts with the last error', async () => {
    const { requests, parley } = await answering(Array(9).fill(overloaded))
    await expect(parley.getProject()).rejects.toMatchObject({ code: 'overloaded', status: 503 })
    expect(requests).toHaveLength(4)
  })

  test('what may not be retried is not', async () => {
    const conflict = { status: 409, body: { code: 'already-exists', detail: 'taken', retryable: false } }
    const { requests, parley } = await answering([conflict, user])
    await expect(parley.createUser({ id: 'alice' })).rejects.toMatchObject({ code: 'already-exists' })
    expect(requests).toHaveLength(1)
  })

  test('an abort ends the call, and its retries', async () => {
    const { parley } = await answering([{ status: 0, hang: true }])
    const abort = new AbortController()
    const call = parley.getProject(undefined, { signal: abort.signal })
    abort.abort()
    await expect(call).rejects.toMatchObject({ code: 'aborted' })
  })

  test('an answer that is not Parley’s says so', async () => {
    const { parley } = await answering([{ status: 404, body: { hello: 'world' } }])
    await expect(parley.getProject()).rejects.toMatchObject({ code: 'invalid-answer', status: 404 })
  })
})
