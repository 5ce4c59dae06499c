import { AppError } from '@parley/contracts'
import { InProcessBus } from '@parley/core/bus'
import { silentLogger } from '@parley/core/kernel'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { conversationJoinGuard, type GuardedJoin, messageSendGuard } from './index.ts'
import { type Installation, openInstallation, type Process, until } from './tests/installation.ts'
import { type Received, Receiver, type Reply } from './tests/receiver.ts'

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
  project = `proj_b${++count}`
  receiver = await Receiver.start()
})
afterEach(() => receiver.close())

async function hook(blocking: Record<string, unknown> = {}) {
  const config = { hooks: ['message.before-send'], timeoutMs: 200, ...blocking }
  const made = await server.call(project, 'POST', '/v1/webhooks', {
    url: receiver.url,
    events: [],
    blocking: config,
  })
  expect(made.status).toBe(201)
  receiver.secrets.push(made.body.secret)
}

const says =
  (answer: unknown): ((event: Received) => Reply) =>
  () =>
  (response) =>
    void response.end(typeof answer === 'string' ? answer : JSON.stringify(answer))

const message = (text = 'hello') => ({
  projectId: project,
  conversationId: 'conv_1',
  conversationType: 'group',
  senderId: 'alice',
  content: { type: 'text' as const, text },
})

const check = (text?: string) => messageSendGuard(server.webhooks.hooks).check(message(text))

describe('HOOK-20: a blocking hook decides before it happens', () => {
  test('nobody is asked where no hook is', async () => {
    await hook({ hooks: ['room.before-join'] })
    expect(await check()).toEqual({ type: 'text', text: 'hello' })
    expect(receiver.received).toEqual([])
  })

  test('allow, replace and reject; the question is signed and tells the message', async () => {
    await hook()
    receiver.reply = says({ verdict: 'allow' })
    expect(await check()).toEqual({ type: 'text', text: 'hello' })
    expect(receiver.received[0]).toMatchObject({
      type: 'message.before-send',
      subject: 'conversation/conv_1',
      data: { conversationId: 'conv_1', senderId: 'alice', content: { type: 'text', text: 'hello' } },
    })
    receiver.reply = says({ verdict: 'replace', data: { type: 'text', text: '***' } })
    expect(await check()).toEqual({ type: 'text', text: '***' })
    receiver.reply = says({ verdict: 'reject', detail: 'not here' })
    await expect(check()).rejects.toMatchObject({ code: 'forbidden', message: 'not here' })
    expect(receiver.unverified).toEqual([])
  })

  test('several hooks are asked in order, each about what the one before made of it', async () => {
    await hook()
    await hook()
    receiver.reply = ({ data }) =>
      says({ verdict: 'replace', data: { type: 'text', text: `${data.content.text}!` } })(data)
    expect(await check('a')).toEqual({ type: 'text', text: 'a!!' })
    receiver.reply = ({ data }) =>
      data.content.text === 'a' ? says({ verdict: 'reject' })(data) : says({ verdict: 'allow' })(data)
    const before = receiver.received.length
    await expect(check('a')).rejects.toThrow(AppError)
    expect(receiver.received.length).toBe(before + 1)
  })

  test('HOOK-24: conversation.before-join lets all in, some, or none', async () => {
    await hook({ hooks: ['conversation.before-join'], onTimeout: 'reject' })
    await hook({ hooks: ['conversation.before-join'], onTimeout: 'reject' })
    const join: GuardedJoin = {
      projectId: project,
      conversationId: 'conv_1',
      conversationType: 'group',
      userIds: ['ann', 'bob', 'cid'],
      via: 'invite',
      actorId: 'dee',
    }
    const admit = () => conversationJoinGuard(server.webhooks.hooks).check(join)
    receiver.reply = says({ verdict: 'allow' })
    expect(await admit()).toEqual(['ann', 'bob', 'cid'])
    const { projectId: _project, ...asked } = join
    expect(receiver.received[0]).toMatchObject({
      type: 'conversation.before-join',
      subject: 'conversation/conv_1',
      data: asked,
    })
    // The second hook hears of those whom the first left.
    receiver.reply = ({ data }) => {
      const userIds = data.userIds.length === 3 ? ['cid', 'ann'] : ['cid']
      return (response) => void response.end(JSON.stringify({ verdict: 'replace', data: { userIds } }))
    }
    expect(await admit()).toEqual(['cid'])
    receiver.reply = says({ verdict: 'reject', detail: 'members only' })
    await expect(admit()).rejects.toMatchObject({ code: 'forbidden', message: 'members only' })
    for (const userIds of [[], ['eve'], 'ann']) {
      receiver.reply = says({ verdict: 'replace', data: { userIds } })
      await expect(admit(), JSON.stringify(userIds)).rejects.toMatchObject({ code: 'forbidden' })
    }
  })

  test('other questions have no replacement', async () => {
    await hook({ hooks: ['room.before-join'], onTimeout: 'reject' })
    const ask = () =>
      server.webhooks.hooks.ask(project, 'room.before-join', { payload: { roomId: 'r' }, subject: 'room/r' })
    receiver.reply = says({ verdict: 'allow' })
    expect(await ask()).toEqual({ verdict: 'allow' })
    receiver.reply = says({ verdict: 'replace', data: {} })
    expect(await ask()).toMatchObject({ verdict: 'reject' })
  })
})

describe('HOOK-21: without a valid answer in time the declared verdict holds', () => {
  const troubles: [string, (event: Received) => Reply][] = [
    ['no answer', () => () => undefined],
    ['500', () => 500],
    ['a cut connection', () => (_response, incoming) => void incoming.socket.destroy()],
    ['no JSON', says('yes')],
    ['another verdict', says({ verdict: 'maybe' })],
    ['a replacement that is no message', says({ verdict: 'replace', data: { type: 'text', text: '' } })],
    ['an answer without an end', () => (response) => void response.write('{"verdict":')],
    ['an answer that is too long', says({ verdict: 'allow', padding: 'x'.repeat(70_000) })],
    ['a redirect', () => (response) => void response.writeHead(302, { location: receiver.url }).end()],
  ]
  test.each(troubles)('%s', async (_name, reply) => {
    receiver.reply = reply
    await hook({ onTimeout: 'reject' })
    await expect(check()).rejects.toMatchObject({ code: 'forbidden' })
    const [webhook] = (await server.call(project, 'GET', '/v1/webhooks')).body.items
    await server.call(project, 'PATCH', `/v1/webhooks/${webhook.id}`, {
      blocking: { ...webhook.blocking, onTimeout: 'allow' },
    })
    expect(await check()).toEqual({ type: 'text', text: 'hello' })
    await server.call(project, 'PATCH', `/v1/webhooks/${webhook.id}`, { blocking: null })
    const asked = receiver.received.length
    await check()
    expect(receiver.received.length).toBe(asked)
  })
})

describe('HOOK-23: a receiver that went silent is spared', () => {
  const state = async (through = server) =>
    (await through.call(project, 'GET', '/v1/webhooks')).body.items[0].circuit
  const metric = async () =>
    (await (await fetch(`${server.url}/metrics`)).text()).match(/hooks_silent (\d+)/)?.[1]

  test('after a row of timeouts the verdict holds at once, in every process; one question tries it again', async () => {
    const bus = new InProcessBus({ logger: silentLogger })
    const settings = { breakerTimeouts: 3, breakerCoolingMs: 4_000 }
    const first = await installation.start({ settings, bus })
    const second = await installation.start({ settings, bus })
    const ask = (through: Process) => messageSendGuard(through.webhooks.hooks).check(message())
    await hook({ onTimeout: 'reject', timeoutMs: 400 })
    receiver.reply = () => () => undefined
    for (let n = 0; n < 2; n++) await expect(ask(first)).rejects.toMatchObject({ code: 'forbidden' })
    // An error that comes at once is a sign of life.
    receiver.reply = () => 500
    await expect(ask(first)).rejects.toMatchObject({ code: 'forbidden' })
    expect(await state(first)).toBe('closed')
    receiver.reply = () => () => undefined
    for (let n = 0; n < 3; n++) await expect(ask(first)).rejects.toMatchObject({ code: 'forbidden' })
    await until(async () => (await state(second)) === 'open')
    expect(await state(first)).toBe('open')
    const asked = receiver.received.length
    for (const through of [first, second]) {
      await Promise.all(Array.from({ length: 20 }, () => expect(ask(through)).rejects.toThrow(AppError)))
    }
    expect(receiver.received.length).toBe(asked)
    await until(async () => (await state(first)) === 'half-open')
    await Promise.all(Array.from({ length: 20 }, () => expect(ask(first)).rejects.toThrow(AppError)))
    expect(receiver.received.length).toBe(asked + 1)
    receiver.reply = says({ verdict: 'allow' })
    await until(async () => (await state(first)) === 'half-open')
    expect(await ask(first)).toEqual({ type: 'text', text: 'hello' })
    expect(await state(first)).toBe('closed')
    await until(async () => (await state(second)) === 'closed')
    expect(await ask(second)).toEqual({ type: 'text', text: 'hello' })
    await bus.close()
  })

  test('an answer without an end is silence; a change of the webhook closes the circuit', async () => {
    await hook({ onTimeout: 'allow', timeoutMs: 60 })
    receiver.reply = () => (response) => void response.write('{"verdict":')
    for (let n = 0; n < 5; n++) await check()
    expect([await state(), await metric()]).toEqual(['open', '1'])
    const [{ id }] = (await server.call(project, 'GET', '/v1/webhooks')).body.items
    receiver.reply = says({ verdict: 'reject' })
    await check()
    await server.call(project, 'PATCH', `/v1/webhooks/${id}`, { description: 'mended' })
    expect([await state(), await metric()]).toEqual(['closed', '0'])
    await expect(check()).rejects.toMatchObject({ code: 'forbidden' })
  })
})
