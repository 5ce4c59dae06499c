import type { Server } from 'node:http'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { chromiumPath, missingForBrowser } from '../../../../modules/rtc/tests/build-sfu.ts'
import { flags, serveBundle } from './bundle.ts'
import type {} from './page.ts'

const missing = await missingForBrowser()
const soon = { timeout: 30_000, interval: 200 }

describe.skipIf(missing !== '')(`codecs that not everybody has${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  let bundle: { server: Server; url: string }
  let browser: Browser

  beforeAll(async () => {
    cloud = await startDevCloud({ env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1' } })
    bundle = await serveBundle()
    browser = await chromium.launch({ executablePath: chromiumPath, args: flags })
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await new Promise((resolve) => bundle?.server.close(resolve))
    await cloud?.close()
  })

  /** `lacks`: a codec whose name this browser does not know. */
  async function join(userId: string, options: object, lacks = ''): Promise<Page> {
    const page = await (await browser.newContext()).newPage()
    await page.goto(bundle.url)
    await page.waitForFunction(() => globalThis.page !== undefined)
    const given = [cloud.url, await cloud.token(userId), options, lacks] as const
    await page.evaluate(async ([url, token, options, lacks]) => {
      const apply = RTCPeerConnection.prototype.setRemoteDescription as (
        this: RTCPeerConnection,
        description: RTCSessionDescriptionInit,
      ) => Promise<void>
      RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp = '' }) {
        return apply.call(this, { type, sdp: lacks ? sdp.replaceAll(` ${lacks}/`, ' unheard-of/') : sdp })
      }
      await globalThis.page.connect(url, token)
      globalThis.page.watch(await globalThis.page.parley.rtc.join('codecs', options))
    }, given)
    return page
  }

  const delivery = (page: Page) =>
    page.evaluate(() => {
      const [first] = globalThis.page.rooms.get('codecs')?.participants.values() ?? []
      return first?.publication('camera')?.delivery
    })

  test('RTC-161: who cannot decode a codec is told so, and the others see it', async () => {
    const alice = await join('alice', { video: true, codec: 'vp9' })
    const bob = await join('bob', {}, 'VP9')
    const carol = await join('carol', {})
    await vi.waitFor(
      async () => expect(await delivery(bob)).toEqual({ active: false, reason: 'codec-unsupported' }),
      soon,
    )
    const decoded = () =>
      carol.evaluate(() => globalThis.page.received('codecs', 'video', 'framesDecoded', 'camera'))
    await vi.waitFor(async () => expect(await decoded()).toBeGreaterThan(10), soon)
    for (const page of [alice, bob, carol]) await page.context().close()
  }, 90_000)
})
