import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { missingForBrowser } from '../../../../modules/rtc/tests/build-sfu.ts'
import { BrowserStage } from './browser-stage.ts'
import type {} from './page.ts'

const missing = await missingForBrowser()
const soon = { timeout: 30_000, interval: 200 }

describe.skipIf(missing !== '')(`layers of one stream${missing && ` (skipped: ${missing})`}`, () => {
  let stage: BrowserStage

  beforeAll(async () => {
    stage = await BrowserStage.open()
  }, 60_000)
  afterAll(() => stage?.close())

  async function join(userId: string, roomId: string, options: object): Promise<Page> {
    const page = await stage.newPage()
    await stage.connect(page, userId)
    const given = [roomId, options] as const
    await page.evaluate(async ([roomId, options]) => {
      globalThis.page.watch(await globalThis.page.parley.rtc.join(roomId, options))
    }, given)
    return page
  }

  for (const codec of ['vp9', 'av1'] as const) {
    test(`RTC-74: of ${codec} each element gets its size, and what nobody watches is not encoded`, async () => {
      const roomId = `layers-${codec}`
      const alice = await join('alice', roomId, { video: true, codec })
      const bob = await join('bob', roomId, {})
      const received = (fact: string) =>
        bob.evaluate(([roomId, fact]) => globalThis.page.received(roomId, 'video', fact, 'camera'), [
          roomId,
          fact,
        ] as const)
      const sent = () =>
        alice.evaluate((roomId) => {
          const camera = globalThis.page.rooms.get(roomId)?.local.publication('camera')
          const { encodings = [] } = camera?.section.transceiver.sender.getParameters() ?? {}
          return (encodings as { active?: boolean; scalabilityMode?: string }[]).map(
            ({ active, scalabilityMode }) => ({ active, scalabilityMode }),
          )
        }, roomId)
      const show = (width: number) =>
        bob.evaluate(
          ([roomId, width]) => {
            const known = document.querySelector('video')
            const video = known ?? document.createElement('video')
            video.style.cssText = `position: fixed; top: 0; width: ${width}px; height: ${(width * 9) / 16}px`
            if (known) return
            video.muted = true
            document.body.append(video)
            const [participant] = globalThis.page.rooms.get(roomId)?.participants.values() ?? []
            participant?.publication('camera')?.attach(video)
          },
          [roomId, width] as const,
        )
      const heightIs = (height: number) =>
        vi.waitFor(async () => expect(await received('frameHeight')).toBe(height), soon)
      const flows = async () => {
        const before = await received('framesDecoded')
        await vi.waitFor(
          async () => expect(await received('framesDecoded')).toBeGreaterThan(before + 10),
          soon,
        )
      }

      await heightIs(720)
      expect(await sent()).toEqual([{ active: true, scalabilityMode: 'L3T3_KEY' }])
      for (const [width, height] of [
        [240, 180],
        [1280, 720],
        [600, 360],
        [240, 180],
      ] as const) {
        await show(width)
        await heightIs(height)
        await flows()
      }
      await vi.waitFor(
        async () => expect(await sent()).toEqual([{ active: true, scalabilityMode: 'L1T3' }]),
        soon,
      )
      await flows()
      expect(await received('frameHeight')).toBe(180)
      await show(1280)
      await heightIs(720)
      await flows()
      expect(await sent()).toEqual([{ active: true, scalabilityMode: 'L3T3_KEY' }])
      for (const page of [alice, bob]) await page.context().close()
    }, 150_000)
  }
})
