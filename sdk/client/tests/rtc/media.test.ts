import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import {
  createWeakNetwork,
  createWeakStreamNetwork,
  type WeakNetwork,
  type WeakStreamNetwork,
} from '@parley/testing/weaknet'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { chromiumPath, missingForBrowser } from '../../../../modules/rtc/tests/build-sfu.ts'
import type {} from './media-page.ts'
import { servePage } from './serve-page.ts'

const missing = await missingForBrowser()
const soon = { timeout: 20_000, interval: 100 }
const slowly = { timeout: 60_000, interval: 250 }
const roomId = 'studio'
const suppressor = dirname(
  createRequire(import.meta.url).resolve('@sapphi-red/web-noise-suppressor/rnnoise.wasm'),
)

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--use-fake-device-for-media-stream=device-count=2,fps=10',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
]

describe.skipIf(missing !== '')(`what a room does to media${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  let server: Server
  let browser: Browser
  let alice: Page
  let bob: Page
  /** Between Alice and the server. */
  let socketNetwork: WeakStreamNetwork
  const mediaNetworks: WeakNetwork[] = []
  const problems: string[] = []

  beforeAll(async () => {
    cloud = await startDevCloud({
      env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1', PARLEY_RTC_PLACE_KEPT_MS: '5000' },
    })
    const { hostname, port } = new URL(cloud.url)
    socketNetwork = await createWeakStreamNetwork({ target: { address: hostname, port: Number(port) } })
    const served = await servePage('media-page.ts', {
      files: [
        join(suppressor, 'rnnoise/workletProcessor.js'),
        join(suppressor, 'rnnoise.wasm'),
        join(suppressor, 'rnnoise_simd.wasm'),
      ],
      workers: ['../../src/effects/background-worker.ts'],
    })
    server = served.server
    browser = await chromium.launch({ executablePath: chromiumPath, args: flags })
    alice = await open(served.url, 'alice', `http://127.0.0.1:${socketNetwork.port}`)
    bob = await open(served.url, 'bob', cloud.url)
    for (const page of [alice, bob]) await setBusy(page, {})
  })

  afterAll(async () => {
    await browser?.close()
    await new Promise((resolve) => server?.close(resolve))
    for (const network of mediaNetworks) network.close()
    socketNetwork?.close()
    await cloud?.close()
  })

  async function open(url: string, userId: string, serverUrl: string): Promise<Page> {
    const page = await (await browser.newContext()).newPage()
    page.on('pageerror', (error) => problems.push(`${userId}: ${error.stack}`))
    await page.exposeFunction('mediaRelayPort', async (port: number) => {
      if (userId !== 'alice') return 0
      const network = await createWeakNetwork({ target: { address: '127.0.0.1', port } })
      mediaNetworks.push(network)
      return network.port
    })
    await page.goto(url)
    await page.waitForFunction(() => globalThis.media !== undefined)
    const token = await cloud.token(userId)
    await page.evaluate(([server, token]) => globalThis.page.connect(server, token), [
      serverUrl,
      token,
    ] as const)
    return page
  }

  /** Machines under test are busy with other things; what a processor can carry is what the test says. */
  const setBusy = (page: Page, busy: { limitation?: string; decodeSeconds?: number }) =>
    page.evaluate(({ limitation = 'none', decodeSeconds = 0 }) => {
      let total = 0
      globalThis.media.falsify = (record) => {
        if (record.kind !== 'video') return
        if (record.type === 'outbound-rtp') {
          Object.assign(record, { qualityLimitationReason: limitation, totalEncodeTime: 0 })
        }
        if (record.type === 'inbound-rtp') {
          total += decodeSeconds
          Object.assign(record, { totalDecodeTime: total, framesDropped: 0 })
        }
      }
    }, busy)

  /** The newest colour Bob sees of Alice. */
  const colour = () => bob.evaluate(() => globalThis.media.watched?.colours.at(-1))
  const seesGreen = () =>
    vi.waitFor(async () => {
      await bob.evaluate(() => globalThis.media.watched?.colours.splice(0))
      await new Promise((resolve) => setTimeout(resolve, 400))
      const [red, green] = (await colour()) ?? [255, 0]
      expect(green).toBeGreaterThan(150)
      expect(red).toBeLessThan(80)
    }, soon)
  const hears = async () => {
    const packets = () =>
      bob.evaluate((roomId) => globalThis.page.received(roomId, 'audio', 'packetsReceived'), roomId)
    const before = await packets()
    await vi.waitFor(async () => expect(await packets()).toBeGreaterThan(before + 10), soon)
  }
  const aliceIs = (status: string) =>
    vi.waitFor(async () => {
      expect(await alice.evaluate(() => globalThis.media.room().state.status)).toBe(status)
    }, soon)

  test('RTC-120: processors given at the join work from the first picture on', async () => {
    await bob.evaluate(async (roomId) => {
      globalThis.page.watch(await globalThis.page.parley.rtc.join(roomId, { video: true }))
      globalThis.media.watched = globalThis.media.watchColours()
    }, roomId)
    await alice.evaluate(async (roomId) => {
      const { green: videoProcessor, suppression: audioProcessor } = globalThis.media
      const options = { audio: true, video: true, videoProcessor, audioProcessor }
      globalThis.page.watch(await globalThis.page.parley.rtc.join(roomId, options))
    }, roomId)
    await vi.waitFor(async () => {
      const colours = await bob.evaluate(() => globalThis.media.watched?.colours ?? [])
      expect(colours.length).toBeGreaterThan(10)
      // Black is what an element shows before its first picture.
      const pictures = colours.filter(([red, green, blue]) => red + green + blue > 0)
      for (const [red, green] of pictures) expect(green - red).toBeGreaterThan(70)
    }, soon)
    await hears()
    const isProcessed = await alice.evaluate(() => {
      const publication = globalThis.media.room().local.publication('microphone')
      return publication?.track !== publication?.captured
    })
    expect(isProcessed).toBe(true)
  })

  test('RTC-120: they survive changes of device, mutes, and are changed, without negotiation', async () => {
    const offers = () => alice.evaluate(() => globalThis.media.offers())
    const before = await offers()
    const devices = await alice.evaluate(async () => {
      const room = globalThis.media.room()
      const used: (string | undefined)[] = []
      for (const kind of ['videoinput', 'audioinput'] as const) {
        const list = await globalThis.page.parley.rtc.devices.list(kind)
        const present = room.deviceId(kind)
        const other = list.find(({ deviceId }) => deviceId !== present && deviceId !== 'default')
        if (other) await room.switchDevice(kind, other.deviceId)
        used.push(present, room.deviceId(kind))
      }
      return used
    })
    expect(devices[0]).not.toBe(devices[1])
    expect(devices[2]).not.toBe(devices[3])
    await seesGreen()
    await alice.evaluate(async () => {
      const room = globalThis.media.room()
      await room.setCamera(false)
      await room.setMicrophone(false)
      await room.setCamera(true)
      await room.setMicrophone(true)
    })
    await seesGreen()
    await hears()
    // The second test camera of Chromium has a format that its WebRTC does not take without a processor.
    await alice.evaluate(
      (camera) => globalThis.media.room().switchDevice('videoinput', camera ?? ''),
      devices[0],
    )
    await alice.evaluate(() => globalThis.media.room().setVideoProcessor(undefined))
    await vi.waitFor(async () => {
      // The test picture of the browser is green too, but darker and with other colours in it.
      const [red = 0, green = 0, blue = 0] = (await colour()) ?? []
      expect([red, green, blue]).not.toEqual([10, 200, 30])
      expect(Math.abs(green - 200) + Math.abs(red - 10)).toBeGreaterThan(40)
    }, soon)
    const failure = await alice.evaluate(async () => {
      const room = globalThis.media.room()
      const told = new Promise<string>((resolve) => {
        room.on('processor-failed', ({ processor, source }) => resolve(`${processor.name} ${source}`))
      })
      await room.setVideoProcessor(globalThis.media.broken)
      const isRaw = room.local.publication('camera')?.track === room.local.publication('camera')?.captured
      await room.setVideoProcessor(globalThis.media.green)
      return [await told, isRaw]
    })
    expect(failure).toEqual(['broken camera', true])
    await seesGreen()
    expect(await offers()).toBe(before)
    expect(problems).toEqual([])
  })

  test('RTC-123: a voice is heard from where it is placed', async () => {
    await alice.evaluate(async () => {
      const room = globalThis.media.room()
      await room.setAudioProcessor(undefined)
      await room.local.publication('microphone')?.unpublish()
      await room.publish(globalThis.media.tone(), { source: 'microphone' })
    })
    const place = (x: number, z: number) =>
      bob.evaluate(
        async ([x, z]) => {
          const room = globalThis.media.room()
          for (const participant of room.participants.values())
            room.setParticipantPosition(participant, { x, y: 0, z })
          await new Promise((resolve) => setTimeout(resolve, 300))
          return globalThis.media.heard()
        },
        [x, z] as const,
      )
    /** Silence, as a busy machine makes it, has no sides. */
    const isSound = ({ left, right }: { left: number; right: number }) =>
      expect(Math.min(left, right)).toBeGreaterThan(-80)
    const hasSides = async (look: () => ReturnType<typeof place>, side: 'left' | 'right') =>
      vi.waitFor(async () => {
        const levels = await look()
        isSound(levels)
        const other = side === 'left' ? 'right' : 'left'
        expect(levels[side] - levels[other]).toBeGreaterThan(4)
      }, slowly)
    await hasSides(() => place(-2, 0), 'left')
    await hasSides(() => place(2, 0), 'right')
    await vi.waitFor(async () => {
      const [near, far] = [await place(0, -1), await place(0, -10)]
      for (const levels of [near, far]) isSound(levels)
      expect(near.left - far.left).toBeGreaterThan(12)
    }, slowly)
    // Somebody who turns around has what was left at the right.
    const turnAround = () =>
      bob.evaluate(async () => {
        const room = globalThis.media.room()
        for (const participant of room.participants.values())
          room.setParticipantPosition(participant, { x: -2, y: 0, z: 0 })
        room.setListenerPosition({ x: 0, y: 0, z: 0, forward: { x: 0, y: 0, z: 1 } })
        await new Promise((resolve) => setTimeout(resolve, 300))
        return globalThis.media.heard()
      })
    await hasSides(turnAround, 'right')
    expect(await bob.evaluate(() => globalThis.media.room().isAudioBlocked)).toBe(false)
  }, 120_000)

  test('RTC-124: a busy processor sends and asks for smaller videos, says why, and larger ones again', async () => {
    const height = () =>
      bob.evaluate((roomId) => globalThis.page.received(roomId, 'video', 'frameHeight', 'camera'), roomId)
    const isLarge = () => vi.waitFor(async () => expect(await height()).toBeGreaterThan(300), slowly)
    const isSmall = () => vi.waitFor(async () => expect(await height()).toBe(180), slowly)
    for (const page of [alice, bob]) {
      await page.evaluate(() => {
        globalThis.media.room().on('video-adapted', ({ direction, step, reason }) => {
          globalThis.page.events.push(`adapted ${direction} ${step} ${reason}`)
        })
      })
    }
    const adaptations = (page: Page) =>
      page.evaluate(() => globalThis.page.events.filter((event) => event.startsWith('adapted')))
    await bob.evaluate(() => {
      globalThis.media.watched?.stop()
      const video = document.createElement('video')
      video.muted = true
      video.style.cssText = 'position: fixed; top: 0; width: 1280px; height: 720px'
      document.body.append(video)
      const [participant] = globalThis.media.room().participants.values()
      participant?.publication('camera')?.attach(video)
    })
    const adapts = (page: Page, change: string) =>
      vi.waitFor(async () => expect((await adaptations(page)).at(-1)).toBe(change), slowly)
    await isLarge()
    await setBusy(alice, { limitation: 'cpu' })
    await adapts(alice, 'adapted sent 3 cpu-limited')
    await isSmall()
    await setBusy(alice, {})
    await adapts(alice, 'adapted sent 0 recovered')
    await isLarge()
    expect((await adaptations(alice)).slice(0, 4)).toEqual([
      ...[1, 2, 3].map((step) => `adapted sent ${step} cpu-limited`),
      'adapted sent 2 recovered',
    ])
    await setBusy(bob, { decodeSeconds: 2 })
    await adapts(bob, 'adapted received 2 decode-time')
    await isSmall()
    await setBusy(bob, {})
    await adapts(bob, 'adapted received 0 recovered')
    await isLarge()
  }, 200_000)

  test('RTC-126: mutes, wishes, processors, places and devices survive a lost network, and a lost place', async () => {
    const state = () =>
      alice.evaluate(() => {
        const room = globalThis.media.room()
        const [other] = room.participants.values()
        return {
          isMuted: room.local.publication('microphone')?.muted,
          isGreen: room.videoProcessor === globalThis.media.green,
          camera: room.deviceId('videoinput'),
          place: other && room.participantPosition(other),
          delivery: other?.publication('camera')?.delivery,
        }
      })
    const seenByBob = () =>
      bob.evaluate(() => {
        const [other] = globalThis.media.room().participants.values()
        return {
          microphone: other?.publication('microphone')?.muted,
          camera: other?.publication('camera')?.muted,
        }
      })
    const id = () => alice.evaluate(() => globalThis.media.room().local.id)
    await alice.evaluate(async () => {
      const room = globalThis.media.room()
      await room.setVideoProcessor(globalThis.media.green)
      await room.setMicrophone(false)
      const [other] = room.participants.values()
      const camera = other?.publication('camera')
      if (camera) room.setSubscribed(camera, false)
      if (other) room.setParticipantPosition(other, { x: 1, y: 0, z: -2 })
    })
    await bob.evaluate(() => {
      globalThis.media.watched = globalThis.media.watchColours()
    })
    await vi.waitFor(async () => {
      expect((await state()).delivery).toEqual({ active: false, reason: 'disabled-by-subscriber' })
    }, soon)
    const [before, firstId] = [await state(), await id()]
    expect(before).toMatchObject({ isMuted: true, isGreen: true, place: { x: 1, y: 0, z: -2 } })
    const isAsBefore = async () => {
      await aliceIs('connected')
      await seesGreen()
      await vi.waitFor(async () => {
        expect(await state()).toEqual(before)
        expect(await seenByBob()).toEqual({ microphone: true, camera: false })
      }, soon)
    }

    socketNetwork.cut()
    for (const network of mediaNetworks) network.cut()
    await alice.evaluate(() => window.dispatchEvent(new Event('offline')))
    await aliceIs('reconnecting')
    socketNetwork.heal()
    for (const network of mediaNetworks) network.heal()
    // Another network has another address.
    for (const network of mediaNetworks) network.rebind()
    await alice.evaluate(() => window.dispatchEvent(new Event('online')))
    await isAsBefore()
    expect(await id()).toBe(firstId)

    await alice.evaluate(() => globalThis.page.parley.suspend())
    for (const network of mediaNetworks) network.cut()
    await vi.waitFor(async () => expect(await seenByBob()).toEqual({}), soon)
    await alice.evaluate(() => globalThis.page.parley.resume())
    await isAsBefore()
    expect(await id()).not.toBe(firstId)

    await bob.evaluate(() => globalThis.page.parley.suspend())
    await vi.waitFor(async () => expect((await state()).delivery).toBeUndefined(), soon)
    await bob.evaluate(() => globalThis.page.parley.resume())
    await isAsBefore()
    expect(problems).toEqual([])
  }, 120_000)

  test('RTC-125: everybody sees how everybody is connected, each way', async () => {
    const levels = (page: Page) =>
      page.evaluate(() => {
        const room = globalThis.media.room()
        const [other] = room.participants.values()
        return { own: room.local.network, other: other?.network }
      })
    await vi.waitFor(async () => {
      expect(await levels(bob)).toMatchObject({
        own: { uplink: expect.any(Number), downlink: expect.any(Number) },
        other: { uplink: expect.any(Number), downlink: expect.any(Number) },
      })
    }, soon)
    for (const network of mediaNetworks) network.change({ up: { loss: 0.4 } })
    await vi.waitFor(async () => {
      const [seen, own] = [(await levels(bob)).other, (await levels(alice)).own]
      expect(seen?.uplink).toBeLessThanOrEqual(2)
      expect(own?.uplink).toBeLessThanOrEqual(2)
      expect(seen?.downlink).toBeGreaterThan(seen?.uplink ?? 5)
    }, soon)
    for (const network of mediaNetworks) network.change({ up: {} })
    await vi.waitFor(async () => expect((await levels(bob)).other?.uplink).toBeGreaterThanOrEqual(3), soon)
  }, 60_000)
})
