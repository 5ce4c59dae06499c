import { existsSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createWorker, ensureFastpath, type FastpathWorker } from '../src/index.ts'
import { BrowserSide, chromiumPath, localAddresses, until } from './browser-call.ts'
import { publishPainted, type Shown, subscribePainted } from './painted-call.ts'

const built = await ensureFastpath()
const missing =
  'unavailable' in built ? built.unavailable : existsSync(chromiumPath) ? '' : `no ${chromiumPath}`

const size = { width: 960, height: 540, everyMs: 50 }
const longestFreezeMs = 200
/** Of a colour channel: what encoders at these rates make of a field of one colour stays well below. */
const tolerance = 70
const holdMs = 1_500

type Encoding = RTCRtpEncodingParameters & { scalabilityMode?: string }

/** With fewer bits VP8 leaves out pictures by itself. */
const simulcast = (scalabilityMode?: string): Encoding[] =>
  [250_000, 700_000, 2_000_000].map((maxBitrate, index) => ({
    rid: ['q', 'h', 'f'][index] ?? '',
    scaleResolutionDownBy: 2 ** (2 - index),
    maxBitrate,
    ...(scalabilityMode && { scalabilityMode }),
  }))
const svc = (scalabilityMode: string): Encoding[] => [{ scalabilityMode, maxBitrate: 1_500_000 }]

const cases: { name: string; codec: string; encodings: Encoding[] }[] = [
  { name: 'VP8 simulcast', codec: 'vp8', encodings: simulcast('L1T3') },
  { name: 'H.264 simulcast', codec: 'h264', encodings: simulcast('L1T3') },
  { name: 'VP9 simulcast', codec: 'vp9', encodings: simulcast('L1T3') },
  { name: 'VP9 K-SVC', codec: 'vp9', encodings: svc('L3T3_KEY') },
  { name: 'VP9 SVC', codec: 'vp9', encodings: svc('L3T3') },
  { name: 'AV1 simulcast', codec: 'av1', encodings: simulcast('L1T3') },
  { name: 'AV1 K-SVC', codec: 'av1', encodings: svc('L3T3_KEY') },
  { name: 'AV1 SVC', codec: 'av1', encodings: svc('L3T3') },
]

const names = ['shown', 'q', 'h', 'f'] as const
type Name = (typeof names)[number]

/** Whether somebody who watched the same layer all along saw the very same picture. */
function isSameFor(others: readonly Shown[], { number, width, atMs, samples }: Shown): boolean | undefined {
  const same = others.filter(
    (other) => other.number === number && other.width === width && Math.abs(other.atMs - atMs) < 2_000,
  )
  if (same.length === 0) return undefined
  return same.some((other) => other.samples.every((sample, at) => Math.abs(sample - (samples[at] ?? 0)) <= 3))
}

/** Pictures further apart say that publisher or machine stood still. */
const restMs = 2.5 * size.everyMs

/** Of a span, the time in which somebody saw one picture after the other. */
function aliveMs(others: readonly Shown[], from: number, to: number): number {
  let alive = 0
  for (const [index, { atMs }] of others.entries()) {
    const before = others[index - 1]?.atMs ?? atMs
    if (atMs - before <= restMs) alive += Math.max(0, Math.min(atMs, to) - Math.max(before, from))
  }
  return alive
}

/** Spans without a new picture, as far as those who watched the layer before or after it all along saw some. */
function freezes(shown: readonly Shown[], others: ReadonlyMap<number, readonly Shown[]>): number[] {
  return shown.slice(1).map(({ atMs, width }, index) => {
    const before = shown[index]
    const layers = [width, before?.width ?? width].map((one) => others.get(one) ?? [])
    return Math.max(...layers.map((layer) => aliveMs(layer, before?.atMs ?? atMs, atMs)))
  })
}

function longestGapMs(list: readonly Shown[]): number {
  return Math.round(Math.max(...list.slice(1).map(({ atMs }, index) => atMs - (list[index]?.atMs ?? 0))))
}

describe.skipIf(missing !== '')(`layers in Chromium${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let worker: FastpathWorker
  let browser: BrowserSide
  let pages: Page[] = []
  const table: Record<string, unknown>[] = []

  beforeAll(async () => {
    worker = await createWorker({ addresses: localAddresses() })
    browser = await BrowserSide.open()
  })
  afterEach(async () => {
    for (const page of pages) await page.context().close()
    pages = []
  })
  afterAll(async () => {
    if (process.env.PARLEY_TABLES) console.table(table)
    await browser?.close()
    await worker?.close()
  })

  for (const { name, codec, encodings } of cases) {
    it(`FAST-95: ${name} switches up and down without a freeze or a wrong picture`, async () => {
      const [alice, bob] = [await browser.page(), await browser.page()]
      pages.push(alice, bob)
      const published = await publishPainted(worker, alice, { codec, encodings, size })
      const streams = await subscribePainted(worker, bob, published, codec, names)
      const seen: Record<Name, Shown[]> = { shown: [], q: [], h: [], f: [] }
      const look = async () => {
        for (const which of names) {
          seen[which].push(...(await bob.evaluate((name) => globalThis.painted.take(name), which)))
        }
      }
      const single = encodings.length === 1
      const select = (which: Name, layer: number, temporal = 7) =>
        single
          ? streams.get(which)?.selectLayer(0, temporal, layer)
          : streams.get(which)?.selectLayer(layer, temporal)
      const widthIs = (width: number) =>
        until(
          `${name} ${width} wide`,
          30,
          async () => {
            await look()
            return seen.shown.at(-1)?.width === width
          },
          () => JSON.stringify(seen.shown.at(-1)),
        )
      // The publisher's rate has to grow first.
      for (const [layer, which] of names.slice(1).entries()) select(which, layer)
      select('shown', 2)
      await widthIs(size.width)
      await new Promise((resolve) => setTimeout(resolve, 2 * holdMs))
      await look()
      for (const which of names) seen[which] = []
      /** The longest freeze from here until the layer has been shown for a while. */
      const switchTo = async (layer: number): Promise<number> => {
        await look()
        const from = Math.max(0, seen.shown.length - 1)
        select('shown', layer)
        await widthIs(size.width / 2 ** (2 - layer))
        await new Promise((resolve) => setTimeout(resolve, holdMs))
        await look()
        const others = new Map(
          [seen.q, seen.h, seen.f].map((all, index) => [size.width / 2 ** (2 - index), all]),
        )
        return Math.max(0, ...freezes(seen.shown.slice(from), others))
      }
      const longest: number[] = []
      let at = 2
      for (const layer of [0, 2, 1, 2, 0, 1, 0, 2]) {
        // A freeze that comes of the switch comes again; what else the machine does comes once.
        let shortest = await switchTo(layer)
        for (let tries = 1; shortest > longestFreezeMs && tries < 3; tries++) {
          await switchTo(at)
          shortest = Math.min(shortest, await switchTo(layer))
        }
        longest.push(shortest)
        at = layer
      }
      // Half of the pictures: those of the highest of three temporal layers are left out.
      await look()
      const before = { shown: seen.shown.length, f: seen.f.length }
      select('shown', 2, 1)
      await until(`${name} in full beside it`, 30, async () => {
        await look()
        return seen.f.length >= before.f + 30
      })
      const [fewer, all] = [seen.shown.length - before.shown, seen.f.length - before.f]
      select('shown', 2)
      await new Promise((resolve) => setTimeout(resolve, holdMs))
      await look()
      const { shown } = seen
      const numbers = shown.map(({ number }) => number ?? -1)
      const steps = numbers.slice(1).map((number, index) => number - (numbers[index] ?? 0))
      const others = [seen.q, seen.h, seen.f].flat()
      const compared = shown.map((one) => ({ one, same: isSameFor(others, one) }))
      // Encoders leave a cell as it was now and then: that is seen by all.
      const wrong = compared.filter(
        ({ one, same }) => same === false || (!same && (one.number === undefined || one.worst > tolerance)),
      )
      table.push({
        ...{ name, switches: longest.length, frames: shown.length },
        longestMs: Math.round(Math.max(...longest)),
        gapMs: longestGapMs(shown),
        steadyGapMs: longestGapMs(seen.q),
        ...{ mostMissing: Math.max(...steps) - 1, backwards: steps.filter((step) => step < 0).length },
        ...{ worstColour: Math.max(...shown.map(({ worst }) => worst)), wrong: wrong.length },
        ...{ fewer, all },
        compared: compared.filter(({ same }) => same !== undefined).length,
      })
      expect(wrong, 'pictures that are not as painted').toEqual([])
      expect(compared.filter(({ same }) => same).length).toBeGreaterThan(shown.length / 2)
      expect(fewer, 'pictures without the highest temporal layer').toBeLessThan(0.75 * all)
      expect(Math.max(...longest), 'longest freeze').toBeLessThanOrEqual(longestFreezeMs)
    }, 180_000)
  }
})
