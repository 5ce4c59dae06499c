import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { createWeakNetwork, type WeakNetwork } from '@parley/testing/weaknet'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { missingForBrowser } from './build-sfu.ts'
import { launchChromium } from './chromium.ts'
import { installPageClient } from './page-client.ts'

const missing = await missingForBrowser()
const soon = { timeout: 20_000, interval: 100 }

type Report = Record<string, unknown>

describe.skipIf(missing !== '')(`Chromium to Chromium${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  let browser: Browser
  let server: Server
  let alice: Page
  let bob: Page
  let networks: WeakNetwork[] = []
  let relayed = false

  beforeAll(async () => {
    cloud = await startDevCloud({ env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1' } })
    server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html').end('<!doctype html><title>call</title><body></body>')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    browser = await launchChromium()
    alice = await openPage()
    bob = await openPage()
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await new Promise((resolve) => server?.close(resolve))
    for (const network of networks) network.close()
    await cloud?.close()
  })

  async function openPage(): Promise<Page> {
    const page = await (await browser.newContext()).newPage()
    await page.exposeFunction('relayPort', async (port: number) => {
      if (!relayed) return 0
      const network = await createWeakNetwork({ target: { address: '127.0.0.1', port } })
      networks.push(network)
      return network.port
    })
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    await page.evaluate(installPageClient)
    return page
  }

  async function join(page: Page, userId: string): Promise<void> {
    const token = await cloud.token(userId)
    await page.evaluate((options) => globalThis.call.join(options), {
      ...{ url: cloud.url, token, roomId: 'meeting', device: `browser-${userId}` },
    })
  }

  const stats = (page: Page, which: 'publish' | 'subscribe', type: string, kind: string): Promise<Report[]> =>
    page.evaluate(
      async ({ which, type, kind }) =>
        (await globalThis.call.stats(which)).filter((one) => one.type === type && one.kind === kind),
      { which, type, kind },
    )
  const received = async (page: Page, kind: string, fact: string): Promise<number> =>
    (await stats(page, 'subscribe', 'inbound-rtp', kind)).reduce(
      (sum, one) => sum + Number(one[fact] ?? 0),
      0,
    )
  const flows = async (page: Page): Promise<void> => {
    const before = await received(page, 'video', 'framesDecoded')
    await vi.waitFor(
      async () => expect(await received(page, 'video', 'framesDecoded')).toBeGreaterThan(before + 20),
      soon,
    )
  }
  const eventsOf = (page: Page, type: string): Promise<Report[]> =>
    page.evaluate((wanted) => globalThis.call.events.filter((event) => event.type === wanted), type)

  test('RTC-2: join, publish, and each sees and hears the other', async () => {
    await join(alice, 'alice')
    await join(bob, 'bob')
    await Promise.all(
      [alice, bob].map((page) => page.evaluate(() => globalThis.call.publish({ camera: true }))),
    )
    for (const page of [alice, bob]) {
      await vi.waitFor(async () => {
        expect(await page.evaluate(() => globalThis.call.firstFrameMs())).toBeDefined()
        expect(await received(page, 'audio', 'totalAudioEnergy')).toBeGreaterThan(0)
      }, soon)
    }
    await flows(alice)
    await flows(bob)
    const first = await alice.evaluate(() => globalThis.call.firstFrameMs())
    console.log(`first frame ${Math.round(Number(first))} ms after the join began`)
  }, 60_000)

  test('RTC-3: the publisher’s target bitrate rises to its cap', async () => {
    await vi.waitFor(async () => {
      const layers = await stats(alice, 'publish', 'outbound-rtp', 'video')
      const target = layers.reduce((sum, one) => sum + Number(one.targetBitrate ?? 0), 0)
      expect(target).toBeGreaterThan(2_000_000)
    }, soon)
  }, 60_000)

  test('RTC-4: a screen joins in a renegotiation, and nothing that flowed stops', async () => {
    await alice.evaluate(() => globalThis.call.publish({ screen: true }))
    await vi.waitFor(async () => {
      const videos = await stats(bob, 'subscribe', 'inbound-rtp', 'video')
      expect(videos.filter((one) => Number(one.framesDecoded) > 0)).toHaveLength(2)
    }, soon)
    await flows(alice)
    expect(await eventsOf(bob, 'answer-refused')).toEqual([])
  }, 60_000)

  test('RTC-5: muted audio is not forwarded, and comes back', async () => {
    await alice.evaluate(() => globalThis.call.mute('microphone', true))
    await vi.waitFor(async () => {
      const changes = (await eventsOf(bob, 'rtc.publication-changed')) as {
        publication?: { muted: boolean }
      }[]
      expect(changes.some(({ publication }) => publication?.muted)).toBe(true)
      const before = await received(bob, 'audio', 'packetsReceived')
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(await received(bob, 'audio', 'packetsReceived')).toBe(before)
    }, soon)
    await alice.evaluate(() => globalThis.call.mute('microphone', false))
    const before = await received(bob, 'audio', 'packetsReceived')
    await vi.waitFor(
      async () => expect(await received(bob, 'audio', 'packetsReceived')).toBeGreaterThan(before),
      soon,
    )
  }, 60_000)

  test('RTC-6: a lost socket takes its place up again while media goes on', async () => {
    const before = await bob.evaluate(() => globalThis.call.joined.participantId)
    await bob.evaluate(() => globalThis.call.cutSocket())
    await vi.waitFor(async () => {
      expect(await bob.evaluate(() => globalThis.call.joined)).toMatchObject({
        resumed: true,
        participantId: before,
      })
    }, soon)
    await flows(alice)
    await flows(bob)
    expect(await eventsOf(alice, 'rtc.participant-left')).toEqual([])
  }, 60_000)

  test('RTC-7: a cut path is replaced by an ICE restart of both connections', async () => {
    relayed = true
    await bob.evaluate(() => globalThis.call.restartIce())
    await vi.waitFor(async () => {
      expect(await bob.evaluate(() => globalThis.call.iceStates())).toEqual(['connected', 'connected'])
      expect(networks.filter(({ counters }) => counters.down.delivered > 50)).not.toHaveLength(0)
    }, soon)
    for (const network of networks) network.cut()
    const cut = networks
    networks = []
    await vi.waitFor(async () => {
      expect(await bob.evaluate(() => globalThis.call.iceStates())).toContain('disconnected')
    }, soon)
    await bob.evaluate(() => globalThis.call.restartIce())
    await flows(bob)
    await flows(alice)
    for (const network of cut) network.close()
    expect(await eventsOf(alice, 'rtc.participant-left')).toEqual([])
  }, 90_000)
})
