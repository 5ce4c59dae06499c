import type { Server } from 'node:http'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { createWeakNetwork, type Impairment, type WeakNetwork } from '@parley/testing/weaknet'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { chromiumPath, missingForBrowser } from '../../../../modules/rtc/tests/build-sfu.ts'
import { flags } from './bundle.ts'
import type { Reading } from './screen-page.ts'
import { servePage } from './serve-page.ts'

const missing = await missingForBrowser()
const thin: Impairment = { rateKbps: 300, queueBytes: 40_000, delayMs: 20 }

describe.skipIf(missing !== '')(`screens on thin paths${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  let server: Server
  let url: string
  let browser: Browser
  const networks: WeakNetwork[] = []

  beforeAll(async () => {
    cloud = await startDevCloud({ env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1' } })
    const served = await servePage('screen-page.ts')
    server = served.server
    url = served.url
    browser = await chromium.launch({ executablePath: chromiumPath, args: flags })
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await new Promise((resolve) => server?.close(resolve))
    for (const network of networks) network.close()
    await cloud?.close()
  })

  async function join(userId: string, roomId: string, down: Impairment | undefined): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1920, height: 1080 } })
    const page = await context.newPage()
    await page.exposeFunction('mediaRelayPort', async (port: number) => {
      if (down === undefined) return 0
      const network = await createWeakNetwork({ target: { address: '127.0.0.1', port }, down, seed: 5 })
      networks.push(network)
      return network.port
    })
    await page.goto(url)
    await page.waitForFunction(() => globalThis.screenPage !== undefined)
    const given = [cloud.url, await cloud.token(userId), roomId] as const
    await page.evaluate(async ([url, token, roomId]) => {
      await globalThis.page.connect(url, token)
      const room = await globalThis.page.parley.rtc.join(roomId, {})
      globalThis.page.watch(room)
      globalThis.screenPage.show(room)
    }, given)
    return page
  }

  const readings = (page: Page): Promise<Reading[]> => page.evaluate(() => globalThis.screenPage.readings)
  /** The pages that could be read, each letter of ten or nine. */
  const pagesRead = (list: readonly Reading[]) =>
    new Set(list.filter(({ legible }) => legible > 0.9).map(({ page }) => page))

  test('RTC-156: on 300 kbit/s a shared page can be read, and on a good path all of it is there', async () => {
    const roomId = 'screen'
    const bob = await join('bob', roomId, thin)
    const carol = await join('carol', roomId, undefined)
    const alice = await join('alice', roomId, undefined)
    await alice.evaluate(async (roomId) => {
      const track = globalThis.screenPage.document(8_000)
      await globalThis.page.rooms.get(roomId)?.publish(track, { source: 'screen' })
    }, roomId)

    await vi.waitFor(
      async () => {
        expect(pagesRead(await readings(bob)).size).toBeGreaterThan(3)
        expect(pagesRead(await readings(carol)).size).toBeGreaterThan(3)
        expect((await readings(carol)).at(-1)?.height).toBe(1080)
      },
      { timeout: 90_000, interval: 500 },
    )
    const before = (await readings(bob)).length
    await vi.waitFor(async () => expect((await readings(bob)).length).toBeGreaterThan(before + 5), {
      timeout: 60_000,
      interval: 500,
    })

    for (const page of [alice, bob, carol]) await page.context().close()
  }, 200_000)
})
