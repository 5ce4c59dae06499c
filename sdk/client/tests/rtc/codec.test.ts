import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { missingForBrowser } from '../../../../modules/rtc/tests/build-sfu.ts'
import { BrowserStage } from './browser-stage.ts'
import type {} from './page.ts'

const missing = await missingForBrowser()
const soon = { timeout: 30_000, interval: 200 }

describe.skipIf(missing !== '')(`codecs that not everybody has${missing && ` (skipped: ${missing})`}`, () => {
  let stage: BrowserStage

  beforeAll(async () => {
    stage = await BrowserStage.open()
  }, 60_000)
  afterAll(() => stage?.close())

  /** `lacks`: a codec whose name this browser does not know. */
  async function join(userId: string, options: object, lacks = ''): Promise<Page> {
    const page = await stage.newPage()
    await page.evaluate((lacks) => {
      const apply = RTCPeerConnection.prototype.setRemoteDescription as (
        this: RTCPeerConnection,
        description: RTCSessionDescriptionInit,
      ) => Promise<void>
      RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp = '' }) {
        return apply.call(this, { type, sdp: lacks ? sdp.replaceAll(` ${lacks}/`, ' unheard-of/') : sdp })
      }
    }, lacks)
    await stage.connect(page, userId)
    await page.evaluate(async (options) => {
      globalThis.page.watch(await globalThis.page.parley.rtc.join('codecs', options))
    }, options)
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
