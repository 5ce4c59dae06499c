import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ServerProcess, startServerProcess } from '@parley/testing/server-process'
import type { Page } from 'playwright-core'
import { BrowserPages, type PagePath, type WeatheredPage } from '../browser/browser-pages.ts'
import { near } from '../calls/weathers.ts'
import { userToken } from '../parley/parley-door.ts'
import type { Arrival } from './page.ts'

/** A call that begins while packets are lost one way: of who talks, or of who listens. */
interface Beginning {
  name: string
  publish: 'sound' | 'picture'
  /** Of the one who talks. */
  talker: PagePath
  listener: PagePath
  /** Whose joining is watched; the other is there before. */
  late: 'talker' | 'listener'
}

const clear: PagePath = { up: near, down: near }

const beginnings: readonly Beginning[] = (['sound', 'picture'] as const).flatMap((publish) =>
  [0, 0.7, 0.8].flatMap((loss) =>
    (loss === 0 ? (['up'] as const) : (['up', 'down'] as const)).flatMap((way): Beginning[] => {
      const path: PagePath = { ...clear, [way]: { ...near, loss } }
      const what = loss === 0 ? 'no loss' : `${loss * 100} % ${way}`
      return [
        { name: `${publish}, talker, ${what}`, publish, talker: path, listener: clear, late: 'talker' },
        { name: `${publish}, listener, ${what}`, publish, talker: clear, listener: path, late: 'listener' },
      ]
    }),
  ),
)

export interface ConnectingOptions {
  tries: number
  atOnce: number
  giveUpMs: number
}

/** From the wish to join on; without a number it had not happened when time was up. */
export interface Connected {
  ice: number | undefined
  connected: number | undefined
  /** At the listener. */
  media: number | undefined
  connections: number
}

async function tryOnce(
  { server, pages }: { server: ServerProcess; pages: BrowserPages },
  { publish, talker, listener, late }: Beginning,
  { seed, giveUpMs }: { seed: number; giveUpMs: number },
): Promise<Connected> {
  const opened: WeatheredPage[] = []
  const open = async (path: PagePath): Promise<Page> => {
    const one = await pages.openPage(path, seed)
    opened.push(one)
    return one.page
  }
  const begin = async (page: Page, userId: string, publishes: boolean): Promise<void> => {
    const roomId = `connecting-${seed}`
    const token = userToken({ ...server.key, roomId }, userId)
    await page.evaluate(
      ([url, token, roomId, publish]) => globalThis.connectingPage.begin(url, token, roomId, publish),
      [server.url, token, roomId, publishes ? publish : undefined] as const,
    )
  }
  const look = (page: Page): Promise<Arrival> => page.evaluate(() => globalThis.connectingPage.arrival())
  try {
    const [talking, listening] = [await open(talker), await open(listener)]
    const [first, second] = late === 'talker' ? [listening, talking] : [talking, listening]
    await begin(first, 'first', first === talking)
    const until = Date.now() + 20_000
    const isThere = ({ joinedMs, connectedMs }: Arrival): boolean =>
      joinedMs !== undefined && (first === listening || connectedMs !== undefined)
    while (!isThere(await look(first)) && Date.now() < until) await sleep(50)
    await begin(second, 'second', second === talking)
    const end = Date.now() + giveUpMs
    for (;;) {
      await sleep(100)
      const [arrival, heard] = [await look(second), await look(listening)]
      if (arrival.error !== undefined) throw new Error(arrival.error)
      const mediaMs = publish === 'sound' ? heard.soundMs : heard.pictureMs
      const isDone = arrival.connectedMs !== undefined && mediaMs !== undefined
      if (!isDone && Date.now() < end) continue
      const since = (ms: number | undefined) => (ms === undefined ? undefined : ms - arrival.beganMs)
      return {
        ice: since(arrival.iceMs),
        connected: since(arrival.connectedMs),
        media: since(mediaMs),
        connections: arrival.connections,
      }
    }
  } finally {
    await Promise.all(opened.map((one) => one.close()))
  }
}

function quantile(values: readonly (number | undefined)[], share: number): string {
  const sorted = values.map((value) => value ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0
  return Number.isFinite(value) ? `${(value / 1000).toFixed(2)} s` : 'never'
}

/** Many tries of each beginning whose name fits, over one server. Says a row of a table for each. */
export async function measureConnecting(
  pattern: string,
  { tries, atOnce, giveUpMs }: ConnectingOptions,
  say: (line: string) => void,
): Promise<Record<string, Connected[]>> {
  const pages = await BrowserPages.open(join(process.cwd(), 'bench/rtc/connecting/page.ts'))
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-bench-connecting-'))
  const server = await startServerProcess({
    dataDir,
    env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1', PARLEY_RTC_WORKERS: '1', PARLEY_LOG_LEVEL: 'warn' },
  })
  const all: Record<string, Connected[]> = {}
  say(
    '| | ICE p50 / p90 | connected p50 / p90 / worst | media p50 / p90 / worst | within 5 s | connections | load |',
  )
  say('| --- | --- | --- | --- | --- | --- | --- |')
  try {
    for (const beginning of beginnings.filter(({ name }) => new RegExp(pattern).test(name))) {
      const figures: Connected[] = []
      let next = 0
      const runner = async (): Promise<void> => {
        while (next < tries) {
          const seed = beginnings.indexOf(beginning) * 1_000 + next++
          const figure = await tryOnce({ server, pages }, beginning, { seed, giveUpMs }).catch(
            (error: unknown) => say(`${beginning.name}: not measured, ${String(error).slice(0, 200)}`),
          )
          if (figure !== undefined) figures.push(figure)
        }
      }
      await Promise.all(Array.from({ length: atOnce }, runner))
      all[beginning.name] = figures
      const of = (name: 'ice' | 'connected' | 'media', shares: readonly number[]) =>
        shares
          .map((share) =>
            quantile(
              figures.map((figure) => figure[name]),
              share,
            ),
          )
          .join(' / ')
      const soon = figures.filter(({ media = Number.POSITIVE_INFINITY }) => media <= 5_000).length
      const made = figures.reduce((sum, { connections }) => sum + connections, 0) / figures.length
      say(
        `| ${beginning.name} (${figures.length}) | ${of('ice', [0.5, 0.9])} | ${of('connected', [0.5, 0.9, 1])} | ` +
          `${of('media', [0.5, 0.9, 1])} | ${soon} | ${made.toFixed(1)} | ${loadavg()[0]?.toFixed(0)} |`,
      )
    }
  } finally {
    await pages.close()
    await server.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
  return all
}
