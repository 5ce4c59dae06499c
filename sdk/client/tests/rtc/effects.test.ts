import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, missingForBrowser } from '../../../../modules/rtc/tests/build-sfu.ts'
import type {} from './effects-page.ts'
import { servePage } from './serve-page.ts'

const missing = await missingForBrowser()
const suppressor = dirname(
  createRequire(import.meta.url).resolve('@sapphi-red/web-noise-suppressor/rnnoise.wasm'),
)

describe.skipIf(missing !== '')(`effects in Chromium${missing && ` (skipped: ${missing})`}`, () => {
  let server: Server
  let browser: Browser
  let page: Page
  const problems: string[] = []
  const requests: string[] = []
  const workers: string[] = []

  beforeAll(async () => {
    const served = await servePage('effects-page.ts', {
      files: [
        join(suppressor, 'rnnoise/workletProcessor.js'),
        join(suppressor, 'rnnoise.wasm'),
        join(suppressor, 'rnnoise_simd.wasm'),
      ],
      workers: ['../../src/effects/background-worker.ts'],
    })
    server = served.server
    browser = await chromium.launch({
      executablePath: chromiumPath,
      args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'],
    })
    page = await browser.newPage()
    page.on('pageerror', (error) => problems.push(String(error.stack)))
    page.on('worker', (worker) => workers.push(new URL(worker.url()).pathname))
    page.on('request', (request) => requests.push(new URL(request.url()).host))
    await page.goto(served.url)
    await page.waitForFunction(() => globalThis.effects !== undefined)
  })

  afterAll(async () => {
    await browser?.close()
    await new Promise((resolve) => server?.close(resolve))
  })

  test('RTC-121: noise suppression lowers the floor and leaves speech', async () => {
    const { noise, speech } = await page.evaluate(() => globalThis.effects.suppress())
    if (process.env.PARLEY_TABLES) console.table({ noise, speech })
    expect(noise.before - noise.after).toBeGreaterThan(15)
    expect(speech.before - speech.after).toBeLessThan(10)
    expect(problems).toEqual([])
  })

  test('RTC-121: a voice comes through the processor', async () => {
    const { loudest, kind } = await page.evaluate(() => globalThis.effects.hearSuppressed())
    expect(kind).toBe('audio')
    expect(loudest).toBeGreaterThan(0.05)
    expect(problems).toEqual([])
  })

  for (const way of ['worker', 'frames', 'elements'] as const) {
    test(`RTC-122: a virtual background hides the room and keeps the person (${way})`, async () => {
      const result = await page.evaluate((way) => globalThis.effects.background(way), way)
      // A mean difference of 0 is one colour, of 80 the stripes of the shirt.
      const { unlearnt, learnt, image } = result
      expect(unlearnt.room).toBeLessThan(5)
      expect(unlearnt.person).toBeLessThan(5)
      expect(learnt.room).toBeLessThan(5)
      expect(learnt.person).toBeGreaterThan(40)
      expect(image.room[0]).toBeGreaterThan(200)
      expect(image.room[1]).toBeLessThan(60)
      expect(image.person).toBeGreaterThan(40)
      expect(result.framesPerSecond).toBeLessThan(26)
      expect(workers.splice(0)).toEqual(way === 'worker' ? ['/background-worker.js'] : [])
      expect(problems).toEqual([])
    })
  }

  test('RTC-121, RTC-122: nothing is fetched from other hosts', () => {
    expect(new Set(requests).size).toBe(1)
  })
})
