import { mediaWorkers } from '@parley/testing/media-workers'
import { createWeakNetwork, type Impairment, type WeakNetwork } from '@parley/testing/weaknet'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { missingForBrowser } from '../../../../modules/rtc/tests/build-sfu.ts'
import type { SendDataOptions } from '../../src/index.ts'
import { BrowserStage } from './browser-stage.ts'
import type { TestData } from './page.ts'

const missing = await missingForBrowser()
const soon = { timeout: 20_000, interval: 50 }

describe.skipIf(missing !== '')(`data in Chromium${missing && ` (skipped: ${missing})`}`, () => {
  let stage: BrowserStage
  const networks: WeakNetwork[] = []
  const problems: string[] = []

  beforeAll(async () => {
    stage = await BrowserStage.open({
      PARLEY_RTC_DATA_MESSAGES_PER_SECOND: '200',
      PARLEY_RTC_DATA_BYTES_PER_SECOND: '600000',
      PARLEY_RTC_DATA_QUEUE_BYTES: '131072',
    })
  })
  afterAll(async () => {
    await stage?.close()
    for (const network of networks) network.close()
  })

  /** A page with a user in a room; with an impairment its media goes over a bad network. */
  async function enter(
    roomId: string,
    userId: string,
    {
      grants = { publish: true, subscribe: true, data: true },
      network,
      data = true,
    }: {
      grants?: object
      network?: Impairment
      data?: boolean
    } = {},
  ): Promise<Page> {
    const page = await stage.newPage((page) => {
      page.on('pageerror', (error) => problems.push(`${userId}: ${error.stack}`))
      return page.exposeFunction('mediaRelayPort', async (port: number) => {
        if (!network) return 0
        const target = { address: '127.0.0.1', port }
        const made = await createWeakNetwork({ target, up: network, down: network, seed: 7 })
        networks.push(made)
        return made.port
      })
    })
    await stage.connect(page, userId, { grants: { rtc: { room: roomId, ...grants } } })
    await page.evaluate(
      async ([roomId, data]) => {
        globalThis.page.watch(await globalThis.page.parley.rtc.join(roomId, { data }))
      },
      [roomId, data] as const,
    )
    return page
  }
  /** Answers the number of receivers, or the code of the refusal. */
  const send = (page: Page, content: unknown, options: SendDataOptions = {}) =>
    page.evaluate(
      ([content, options]) => {
        const [room] = globalThis.page.rooms.values()
        return room?.sendData(content as object, options).catch(({ code }) => code as string)
      },
      [content, options] as const,
    )
  const got = (page: Page): Promise<TestData[]> => page.evaluate(() => globalThis.page.data)
  const contents = async (page: Page) => (await got(page)).map(({ content }) => content)
  const events = (page: Page): Promise<string[]> => page.evaluate(() => globalThis.page.events)
  /** Until a message to everybody reaches this many. */
  const reach = (page: Page, count: number) =>
    vi.waitFor(async () => expect(await send(page, 'anybody there', { topic: 'probe' })).toBe(count), soon)
  const close = (...pages: Page[]) => Promise.all(pages.map((page) => page.context().close()))

  test('RTC-90: text, JSON and bytes arrive as they were sent, reliable and lossy, with the sender of the server', async () => {
    const [alice, bob] = [await enter('formats', 'alice'), await enter('formats', 'bob')]
    await Promise.all([reach(alice, 1), reach(bob, 1)])
    expect(await send(alice, 'Größe 🎈', { topic: 'text' })).toBe(1)
    expect(await send(alice, { x: [1, null, 'y'] }, { topic: 'json', reliable: false })).toBeUndefined()
    const sent = await alice.evaluate(() => {
      const [room] = globalThis.page.rooms.values()
      return room?.sendData(Uint8Array.from({ length: 65_536 }, (_, index) => index % 251))
    })
    expect(sent).toBe(1)
    await vi.waitFor(async () => {
      const arrived = (await got(bob)).filter(({ topic }) => topic !== 'probe')
      expect(arrived).toHaveLength(3)
      expect(arrived).toContainEqual({ from: 'alice', topic: 'text', reliable: true, content: 'Größe 🎈' })
      const json = { from: 'alice', topic: 'json', reliable: false, content: { x: [1, null, 'y'] } }
      expect(arrived).toContainEqual(json)
      const bytes = arrived.find(({ topic }) => topic === undefined)?.content as number[]
      expect(bytes).toEqual(Array.from({ length: 65_536 }, (_, index) => index % 251))
    }, soon)
    await close(alice, bob)
  })

  test('RTC-90: a listener without the right to publish has data, with and without media beside it', async () => {
    const talker = await enter('media', 'talker')
    const listener = await enter('media', 'listener', { grants: { subscribe: true } })
    await reach(talker, 1)
    await talker.evaluate(() => globalThis.page.rooms.get('media')?.setCamera(true))
    const frames = () =>
      listener.evaluate(() => globalThis.page.received('media', 'video', 'framesDecoded', 'camera'))
    await vi.waitFor(async () => expect(await frames()).toBeGreaterThan(0), soon)
    expect(await send(talker, 'with media')).toBe(1)
    await vi.waitFor(async () => expect(await contents(listener)).toContain('with media'), soon)
    const before = await frames()
    await vi.waitFor(async () => expect(await frames()).toBeGreaterThan(before), soon)
    expect(await send(listener, 'may not')).toBe('grant-missing')
    await listener.evaluate(() => {
      const [room] = globalThis.page.rooms.values()
      return room?.sendData('may not either', { reliable: false })
    })
    await vi.waitFor(async () => expect(await events(listener)).toContain('refused grant-missing'), soon)
    expect(await contents(talker)).toEqual([])
    await close(talker, listener)
  })

  test('RTC-91: to some participants, to all devices of users, and to nobody of another room or project', async () => {
    const alice = await enter('chosen', 'alice')
    const bob = await enter('chosen', 'bob')
    const bobToo = await enter('chosen', 'bob')
    const carol = await enter('chosen', 'carol')
    const elsewhere = await enter('elsewhere', 'bob')
    const silent = await enter('chosen', 'silent', { data: false })
    await reach(alice, 3)
    const idOf = (page: Page) =>
      page.evaluate(() => [...globalThis.page.rooms.values()].map(({ local }) => local.id)[0] ?? '')
    expect(await send(alice, 'to bob', { to: { userIds: ['bob', 'nobody'] } })).toBe(2)
    expect(await send(alice, 'to carol', { to: { participantIds: [await idOf(carol)] } })).toBe(1)
    expect(await send(alice, 'to silent', { to: { userIds: ['silent'] } })).toBe(0)
    expect(await send(alice, 'other room', { to: { participantIds: [await idOf(elsewhere)] } })).toBe(0)
    expect(await send(alice, 'to all')).toBe(3)
    expect(await send(silent, 'no channel')).toBe('not-implemented')
    const ofRest = await stage.cloud.call('POST', '/v1/rtc/rooms/chosen/data', {
      ...{ json: { from: 'backend' }, topic: 'news', to: { userIds: ['carol'] } },
    })
    expect(ofRest).toMatchObject({ status: 200, body: { receivers: 1 } })
    const without = async (page: Page) => (await got(page)).filter(({ topic }) => topic !== 'probe')
    await vi.waitFor(async () => {
      expect((await without(carol)).map(({ content }) => content)).toEqual([
        ...['to carol', 'to all', { from: 'backend' }],
      ])
      for (const page of [bob, bobToo]) {
        expect((await without(page)).map(({ content }) => content)).toEqual(['to bob', 'to all'])
      }
    }, soon)
    expect((await got(carol)).at(-1)).toMatchObject({ from: undefined, topic: 'news' })
    expect(await got(elsewhere)).toEqual([])
    expect(await got(silent)).toEqual([])
    await close(alice, bob, bobToo, carol, elsewhere, silent)
  })

  test('RTC-92: over a lossy path reliable messages arrive whole and in order, lossy ones mostly', async () => {
    const network = { loss: 0.1, delayMs: 30 }
    const alice = await enter('weak', 'alice', { network })
    const bob = await enter('weak', 'bob', { network })
    await reach(alice, 1)
    const refused = await alice.evaluate(async () => {
      const [room] = globalThis.page.rooms.values()
      const outcomes: Promise<unknown>[] = []
      for (let index = 0; index < 150; index++) {
        outcomes.push(
          room?.sendData({ index, filling: 'x'.repeat(index % 50 === 7 ? 30_000 : 100) }) ??
            Promise.resolve(),
        )
        void room?.sendData(index, { reliable: false })
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      return (await Promise.allSettled(outcomes)).flatMap((each) =>
        each.status === 'rejected' ? [`${each.reason}`] : [],
      )
    })
    expect(refused).toEqual([])
    expect((await events(bob)).filter((event) => event.startsWith('missed'))).toEqual([])
    await vi.waitFor(async () => {
      const reliable = (await got(bob)).filter(({ reliable, topic }) => reliable && topic !== 'probe')
      expect(reliable.map(({ content }) => (content as { index: number }).index)).toEqual(
        Array.from({ length: 150 }, (_, index) => index),
      )
    }, soon)
    const lossy = (await got(bob)).filter(({ reliable }) => !reliable)
    expect(lossy.length).toBeGreaterThan(90)
    expect(lossy.length).toBeLessThan(150)
    await close(alice, bob)
  }, 90_000)

  test('RTC-93: what is too large or too much is refused to its sender, who may go on after a moment', async () => {
    const [alice, bob] = [await enter('limits', 'alice'), await enter('limits', 'bob')]
    await reach(alice, 1)
    expect(await send(alice, 'x'.repeat(65_537))).toBe('limit-exceeded')
    await alice.evaluate(() =>
      globalThis.page.rooms.get('limits')?.sendData('x'.repeat(15_361), { reliable: false }),
    )
    await vi.waitFor(async () => expect(await events(alice)).toContain('refused limit-exceeded'), soon)
    const codes = await alice.evaluate(async () => {
      const [room] = globalThis.page.rooms.values()
      const sends = Array.from({ length: 400 }, (_, index) => room?.sendData(index))
      const outcomes = await Promise.allSettled(sends)
      return outcomes.map((each) => (each.status === 'fulfilled' ? 'ok' : String(each.reason.code)))
    })
    expect(new Set(codes)).toEqual(new Set(['ok', 'rate-limited']))
    expect(codes.filter((code) => code === 'ok').length).toBeLessThan(300)
    await vi.waitFor(async () => expect(await send(alice, 'after')).toBe(1), soon)
    await vi.waitFor(async () => expect(await contents(bob)).toContain('after'), soon)
    await close(alice, bob)
  })

  test('RTC-93: a receiver that is too slow hears how much it missed, and others get everything', async () => {
    const network = { rateKbps: 200, queueBytes: 20_000 }
    const alice = await enter('slow', 'alice')
    const slow = await enter('slow', 'slow', { network })
    const quick = await enter('slow', 'quick')
    await reach(alice, 2)
    for (let index = 0; index < 20; index++) {
      expect(await send(alice, { index, filling: 'x'.repeat(30_000) })).toBe(2)
      await alice.waitForTimeout(60)
    }
    const indexes = async (page: Page) =>
      (await got(page)).flatMap(({ content }) => (content as { index?: number }).index ?? [])
    await vi.waitFor(async () => expect(await indexes(quick)).toHaveLength(20), soon)
    const missed = async () => {
      const told = (await events(slow)).flatMap((event) => /^missed (\d+)$/.exec(event)?.[1] ?? [])
      return told.reduce((sum, count) => sum + Number(count), 0)
    }
    await vi.waitFor(async () => expect((await indexes(slow)).length + (await missed())).toBe(20), {
      ...{ timeout: 60_000, interval: 200 },
    })
    expect(await missed()).toBeGreaterThan(5)
    await close(alice, slow, quick)
  }, 120_000)

  test('RTC-94: data goes on after a lost socket, over an ICE restart and at another media worker', async () => {
    const network = {}
    const alice = await enter('again', 'alice')
    const bob = await enter('again', 'bob', { network })
    await reach(alice, 1)
    const state = () => bob.evaluate(() => globalThis.page.rooms.get('again')?.state.status)

    await bob.evaluate(() => globalThis.page.parley.suspend())
    expect(await send(alice, 'while the socket is away')).toBe(1)
    await vi.waitFor(async () => expect(await contents(bob)).toContain('while the socket is away'), soon)
    await bob.evaluate(() => globalThis.page.parley.resume())
    await vi.waitFor(async () => expect(await state()).toBe('connected'), soon)
    expect(await send(bob, 'the socket is back')).toBe(1)

    for (const old of networks.splice(0)) old.close()
    const late = send(alice, 'over the cut path')
    await vi.waitFor(async () => expect(await state()).toBe('reconnecting'), soon)
    await vi.waitFor(async () => expect(await state()).toBe('connected'), soon)
    expect(await late).toBe(1)
    await vi.waitFor(async () => expect(await contents(bob)).toContain('over the cut path'), soon)
    expect(await send(bob, 'the path is back')).toBe(1)

    const token = await stage.cloud.token('bob', { grants: { rtc: { room: 'again', subscribe: true } } })
    await bob.evaluate((token) => {
      globalThis.page.setToken(token)
      globalThis.page.parley.suspend()
      globalThis.page.parley.resume()
    }, token)
    const maySend = () => bob.evaluate(() => globalThis.page.rooms.get('again')?.local.canSendData)
    await vi.waitFor(async () => expect(await maySend()).toBe(false), soon)
    expect(await send(bob, 'without the right')).toBe('grant-missing')
    expect(await send(alice, 'still heard')).toBe(1)
    await vi.waitFor(async () => expect(await contents(bob)).toContain('still heard'), soon)
    expect(await contents(alice)).toEqual(['the socket is back', 'the path is back'])

    for (const pid of mediaWorkers()) process.kill(pid, 'SIGKILL')
    await vi.waitFor(async () => expect(await send(alice, 'from elsewhere')).toBe(1), soon)
    await vi.waitFor(async () => expect(await contents(bob)).toContain('from elsewhere'), soon)
    expect(await state()).toBe('connected')
    await close(alice, bob)
  }, 90_000)

  test('RTC-95: garbage on the channels is refused to its sender and harms nobody', async () => {
    const [alice, bob] = [await enter('garbage', 'alice'), await enter('garbage', 'bob')]
    const mallory = await stage.newPage((page) =>
      page.addInitScript(() => {
        const channels: RTCDataChannel[] = []
        Object.assign(globalThis, { channels })
        const add = RTCPeerConnection.prototype.addEventListener as (...values: unknown[]) => void
        RTCPeerConnection.prototype.addEventListener = function (
          this: RTCPeerConnection,
          ...values: unknown[]
        ) {
          if (values[0] === 'datachannel') {
            add.call(this, 'datachannel', ({ channel }: RTCDataChannelEvent) => channels.push(channel))
            Object.assign(globalThis, { connection: this })
          }
          add.apply(this, values)
        } as typeof RTCPeerConnection.prototype.addEventListener
      }),
    )
    await stage.connect(mallory, 'mallory')
    await mallory.evaluate(async () => {
      globalThis.page.watch(await globalThis.page.parley.rtc.join('garbage'))
    })
    await reach(alice, 2)
    await reach(mallory, 2)
    await mallory.evaluate(async () => {
      const { channels, connection } = globalThis as unknown as {
        channels: RTCDataChannel[]
        connection: RTCPeerConnection
      }
      const own = connection.createDataChannel('of my own')
      for (let round = 0; round < 120; round++) {
        for (const channel of channels) {
          channel.send(crypto.getRandomValues(new Uint8Array(1 + ((round * 37) % 900))))
          channel.send(JSON.stringify({ type: 'message', from: { userId: 'alice' } }))
          const forged = new TextEncoder().encode(
            '..{"type":"send","id":1,"format":"text","from":{"userId":"bob"}}x',
          )
          forged.set([1, 0])
          channel.send(Uint8Array.of(1, 0, forged.length - 3, ...forged.subarray(2)))
        }
        if (own.readyState === 'open') own.send('hello')
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    })
    await vi.waitFor(async () => expect(await send(mallory, 'honest', { topic: 'honest' })).toBe(2), soon)
    await vi.waitFor(async () => expect(await contents(bob)).toContain('honest'), soon)
    const fromMallory = (await got(bob)).filter(({ from }) => from !== 'alice')
    expect(new Set(fromMallory.map(({ from }) => from))).toEqual(new Set(['mallory']))
    expect(await send(alice, 'still fine')).toBe(2)
    expect(problems).toEqual([])
    await close(alice, bob, mallory)
  }, 60_000)
})
