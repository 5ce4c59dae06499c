import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startServerProcess } from '@parley/testing/server-process'
import type { Page } from 'playwright-core'
import { BrowserPages, type PagePath, type WeatheredPage } from '../browser/browser-pages.ts'
import { JanusTarget } from '../janus/janus-target.ts'
import { userToken } from '../parley/parley-door.ts'
import { type CallFigures, lineOf, type Way } from './call-table.ts'
import { near, type Weather } from './weathers.ts'

const allCores = `0-${cpus().length - 1}`

/** What carries the calls and lets a page in. */
interface Carrier {
  join(page: Page, userId: string, roomNumber: number, publish: { video: boolean } | undefined): Promise<void>
  close(): Promise<void>
}

async function startParley(handling: boolean): Promise<Carrier> {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-bench-calls-'))
  const flag = String(handling)
  const server = await startServerProcess({
    dataDir,
    env: {
      ...{ PARLEY_MEDIA_ADDRESSES: '127.0.0.1', PARLEY_RTC_WORKERS: '1', PARLEY_LOG_LEVEL: 'warn' },
      ...{ PARLEY_RTC_CONGESTION: flag, PARLEY_RTC_REPAIR: flag, PARLEY_GATEWAY_DRAIN_MS: '0' },
    },
  })
  return {
    join: async (page, userId, roomNumber, publish) => {
      const roomId = `weather-${roomNumber}`
      const token = userToken({ ...server.key, roomId }, userId)
      await page.evaluate(
        ([url, token, roomId, publish]) => globalThis.weatherCall.join(url, token, roomId, publish),
        [server.url, token, roomId, publish] as const,
      )
    },
    close: async () => {
      await server.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

async function startJanus(): Promise<Carrier> {
  const target = await JanusTarget.start(allCores)
  const { url } = target.door() as { url: string }
  return {
    join: (page, _userId, roomNumber, publish) =>
      page.evaluate(
        ([url, roomNumber, publish]) => globalThis.weatherCall.joinJanus(url, roomNumber, publish),
        [url, roomNumber, publish] as const,
      ),
    close: () => target.close(),
  }
}

/** Calls between two pages of the system's Chromium, each weather once, over one server. */
export async function measureCalls(
  way: Way,
  chosen: readonly Weather[],
  options: { settleSeconds: number; seconds: number; atOnce: number },
  say: (line: string) => void,
): Promise<CallFigures[]> {
  const pages = await BrowserPages.open(join(process.cwd(), 'bench/rtc/calls/page.ts'))
  const carrier = await (way === 'janus' ? startJanus() : startParley(way === 'handled')).catch(
    async (error: unknown) => {
      await pages.close()
      throw error
    },
  )
  const figures: CallFigures[] = []
  try {
    const waiting = chosen.map((weather, index) => ({ weather, index }))
    const runner = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const { weather, index } = next
        const measured = await measureCall({ pages, carrier, weather, seed: index + 7 }, options).catch(
          (error: unknown) => say(`${weather.name}: not measured, ${String(error).slice(0, 200)}`),
        )
        if (measured === undefined) continue
        const figure = { ...measured, way }
        figures.push(figure)
        say(lineOf(figure))
      }
    }
    await Promise.all(Array.from({ length: options.atOnce }, runner))
  } finally {
    await pages.close()
    await carrier.close()
  }
  return figures
}

async function measureCall(
  parts: { pages: BrowserPages; carrier: Carrier; weather: Weather; seed: number },
  { settleSeconds, seconds }: { settleSeconds: number; seconds: number },
): Promise<Omit<CallFigures, 'way'>> {
  const { pages, carrier, weather, seed } = parts
  const opened: WeatheredPage[] = []
  const open = async (userId: string, path: PagePath): Promise<WeatheredPage> => {
    const one = await pages.openPage(path, seed)
    opened.push(one)
    await carrier.join(one.page, userId, seed, userId === 'alice' ? { video: weather.video } : undefined)
    return one
  }
  try {
    const { page: alice } = await open('alice', { up: weather.up ?? near, down: near })
    const { page: bob, networks } = await open('bob', { up: near, down: weather.down ?? near })
    await sleep(settleSeconds * 1_000)
    const [network] = networks
    const paintedBefore = await alice.evaluate(() => globalThis.weatherCall.drawn())
    const before = { ...network?.counters.down }
    await bob.evaluate(() => globalThis.weatherCall.begin())
    const timers = (weather.steps ?? []).map(({ afterSeconds, down }) =>
      setTimeout(() => network?.change({ down }), afterSeconds * 1_000),
    )
    await sleep((weather.steps === undefined ? seconds : Math.max(seconds, 24)) * 1_000)
    for (const timer of timers) clearTimeout(timer)
    const seen = await bob.evaluate(() => globalThis.weatherCall.end())
    const painted = await alice.evaluate(() => globalThis.weatherCall.drawn())
    const facts = await bob.evaluate(() => globalThis.weatherCall.facts())
    const after = network?.counters.down
    const received = (after?.received ?? 0) - (before.received ?? 0)
    const bytes = (after?.receivedBytes ?? 0) - (before.receivedBytes ?? 0)
    const delivered = (after?.delivered ?? 0) - (before.delivered ?? 0)
    return {
      ...seen,
      name: weather.name,
      framesPainted: painted - paintedBefore,
      sentKbps: (bytes * 8) / 1_000 / seen.seconds,
      lostPercent: (100 * Math.max(0, received - delivered)) / Math.max(1, received),
      facts,
    }
  } finally {
    await Promise.all(opened.map((one) => one.close()))
  }
}
