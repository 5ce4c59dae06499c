import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { signJwt } from '@parley/protocols/jwt'
import { type ServerProcess, startServerProcess } from '@parley/testing/server-process'
import { burstLoss, createWeakNetwork, type Impairment, type WeakNetwork } from '@parley/testing/weaknet'
import { build } from 'esbuild'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { Seen } from './page.ts'

/** What stands between one side of a call and the server. */
export interface Weather {
  name: string
  video: boolean
  /** Towards the server, on the path of the publisher. */
  up?: Impairment
  /** From the server, on the path of the subscriber. */
  down?: Impairment
  /** The network changes while it is measured: after so many seconds, to this. */
  steps?: readonly { afterSeconds: number; down: Impairment }[]
}

export interface CallFigures extends Seen {
  name: string
  handling: boolean
  /** Kilobits a second that left for the subscriber. */
  sentKbps: number
  framesPainted: number
  lostPercent: number
  facts: Record<string, unknown>
}

const delayMs = 20
const near: Impairment = { delayMs }

export const weathers: readonly Weather[] = [
  ...[0, 0.3, 0.5, 0.7, 0.8].map((loss) => ({
    name: `sound, ${loss * 100} % down`,
    video: false,
    down: { loss, delayMs },
  })),
  ...[0.3, 0.5, 0.7, 0.8].map((loss) => ({
    name: `sound, ${loss * 100} % up`,
    video: false,
    up: { loss, delayMs },
  })),
  ...[0, 0.1, 0.3, 0.5, 0.7].map((loss) => ({
    name: `picture, ${loss * 100} % down`,
    video: true,
    down: { loss, delayMs },
  })),
  { name: 'picture, 10 % up', video: true, up: { loss: 0.1, delayMs } },
  {
    name: 'picture, bursts of 5, 10 % down',
    video: true,
    down: { bursts: burstLoss({ loss: 0.1, meanLength: 5 }), delayMs },
  },
  { name: 'picture, 300 ms down', video: true, down: { delayMs: 300 } },
  ...[0.05, 0.1].map((loss) => ({
    name: `picture, 300 ms and ${loss * 100} % down`,
    video: true,
    down: { loss, delayMs: 300 },
  })),
  {
    name: 'picture, 300 ms and bursts of 3, 5 % down',
    video: true,
    down: { bursts: burstLoss({ loss: 0.05, meanLength: 3 }), delayMs: 300 },
  },
  { name: 'picture, 500 kbit/s down', video: true, down: { rateKbps: 500, queueBytes: 30_000, delayMs } },
  {
    name: 'picture, 1500 -> 400 -> 1500 kbit/s',
    video: true,
    down: { rateKbps: 1_500, queueBytes: 60_000, delayMs },
    steps: [
      { afterSeconds: 5, down: { rateKbps: 400, queueBytes: 30_000, delayMs } },
      { afterSeconds: 13, down: { rateKbps: 1_500, queueBytes: 60_000, delayMs } },
    ],
  },
]

const flags = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...[
    '--disable-background-networking',
    '--disable-component-update',
    '--autoplay-policy=no-user-gesture-required',
  ],
  ...['--disable-background-timer-throttling', '--disable-renderer-backgrounding'],
  '--disable-backgrounding-occluded-windows',
]
const chromiumPath = process.env.PARLEY_CHROMIUM ?? '/usr/bin/chromium'

async function servePage(): Promise<Server> {
  const { outputFiles } = await build({
    entryPoints: [join(process.cwd(), 'bench/rtc/calls/page.ts')],
    ...{ bundle: true, splitting: true, write: false, outdir: '/bundle', format: 'esm' as const },
    ...{ target: 'es2022', conditions: ['parley-source', 'browser'] },
  })
  const files = new Map(outputFiles.map(({ path, contents }) => [path.replace('/bundle', ''), contents]))
  const server = createServer((request, response) => {
    const file = files.get(request.url ?? '')
    if (file) response.setHeader('content-type', 'text/javascript').end(file)
    else
      response
        .setHeader('content-type', 'text/html')
        .end('<!doctype html><body></body><script type="module" src="/page.js"></script>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

/** Runs in the page before it loads: what it learns of the server's port is the network in between. */
function reroute(): void {
  const apply = RTCPeerConnection.prototype.setRemoteDescription as (
    this: RTCPeerConnection,
    description: RTCSessionDescriptionInit,
  ) => Promise<void>
  RTCPeerConnection.prototype.setRemoteDescription = async function (description: RTCSessionDescriptionInit) {
    const sdp = description.sdp ?? ''
    const port = Number(/a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+)/.exec(sdp)?.[1] ?? 0)
    const relay = port === 0 ? 0 : await globalThis.weatherRelayPort(port)
    const rerouted = sdp
      .replaceAll(/^(a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1) \d+/gm, `$1 ${relay}`)
      .replaceAll(/^a=candidate:\S+ 1 tcp .*\r\n/gm, '')
    return apply.call(this, { type: description.type, sdp: rerouted })
  }
}

/** Calls between two pages of the system's Chromium, each weather once, on a server with these settings. */
export async function measureCalls(
  handling: boolean,
  chosen: readonly Weather[],
  options: { settleSeconds: number; seconds: number; atOnce: number },
  say: (line: string) => void,
): Promise<CallFigures[]> {
  if (!existsSync(chromiumPath)) throw new Error(`no ${chromiumPath}`)
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-bench-calls-'))
  const flag = String(handling)
  const server = await startServerProcess({
    dataDir,
    env: {
      ...{ PARLEY_MEDIA_ADDRESSES: '127.0.0.1', PARLEY_RTC_WORKERS: '1', PARLEY_LOG_LEVEL: 'warn' },
      ...{ PARLEY_RTC_CONGESTION: flag, PARLEY_RTC_REPAIR: flag, PARLEY_GATEWAY_DRAIN_MS: '0' },
      PARLEY_RTC_FEC: process.env.PARLEY_RTC_FEC ?? 'true',
    },
  })
  const pages = await servePage()
  const browser = await chromium.launch({ executablePath: chromiumPath, args: flags })
  const url = `http://127.0.0.1:${(pages.address() as AddressInfo).port}/`
  const figures: CallFigures[] = []
  try {
    const waiting = chosen.map((weather, index) => ({ weather, index }))
    const runner = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const { weather, index } = next
        const figure = await measureCall({ browser, url, server, weather, seed: index + 7 }, options).catch(
          (error: unknown) => say(`${weather.name}: not measured, ${String(error).slice(0, 200)}`),
        )
        if (figure === undefined) continue
        figures.push({ ...figure, handling })
        say(lineOf({ ...figure, handling }))
      }
    }
    await Promise.all(Array.from({ length: options.atOnce }, runner))
  } finally {
    await browser.close()
    pages.close()
    await server.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
  return figures
}

async function measureCall(
  {
    browser,
    url,
    server,
    weather,
    seed,
  }: {
    browser: Browser
    url: string
    server: ServerProcess
    weather: Weather
    seed: number
  },
  { settleSeconds, seconds }: { settleSeconds: number; seconds: number },
): Promise<Omit<CallFigures, 'handling'>> {
  const networks: WeakNetwork[] = []
  const roomId = `weather-${seed}`
  const open = async (userId: string, impairments: { up: Impairment; down: Impairment }): Promise<Page> => {
    const page = await (await browser.newContext()).newPage()
    const byPort = new Map<number, Promise<WeakNetwork>>()
    await page.exposeFunction('weatherRelayPort', async (port: number) => {
      const network =
        byPort.get(port) ??
        createWeakNetwork({ target: { address: '127.0.0.1', port }, ...impairments, seed })
      byPort.set(port, network)
      const made = await network
      if (!networks.includes(made)) networks.push(made)
      return made.port
    })
    await page.addInitScript(reroute)
    await page.goto(url)
    await page.waitForFunction(() => globalThis.weatherCall !== undefined)
    const now = Date.now() / 1000
    const { keyId, keySecret } = server.key
    const grants = { rtc: { room: roomId, publish: true, subscribe: true } }
    const token = signJwt({ iss: keyId, sub: userId, iat: now, exp: now + 3_600, grants }, keySecret)
    await page.evaluate(
      ([url, token, roomId, publish]) => globalThis.weatherCall.join(url, token, roomId, publish),
      [server.url, token, roomId, userId === 'alice' ? { video: weather.video } : undefined] as const,
    )
    return page
  }
  try {
    const alice = await open('alice', { up: weather.up ?? near, down: near })
    const begun = networks.length
    const bob = await open('bob', { up: near, down: weather.down ?? near })
    await sleep(settleSeconds * 1_000)
    const network = networks[begun]
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
    await Promise.all([alice.context().close(), bob.context().close()])
    return {
      ...seen,
      name: weather.name,
      framesPainted: painted - paintedBefore,
      sentKbps: (bytes * 8) / 1_000 / seen.seconds,
      lostPercent: (100 * (received - delivered)) / Math.max(1, received),
      facts,
    }
  } finally {
    for (const network of networks) network.close()
  }
}

export function lineOf(one: CallFigures): string {
  const { name, handling, framesShown, framesPainted } = one
  const picture = name.startsWith('picture')
    ? `; frames ${((100 * framesShown) / Math.max(1, framesPainted)).toFixed(1)} %, within 400 ms ${one.within400Percent.toFixed(1)} %, ` +
      `600 ms ${one.within600Percent.toFixed(1)} %, frozen ${one.frozenPercent.toFixed(1)} %, delay p50 ${one.delayP50Ms} p95 ${one.delayP95Ms} ms, ${one.width} wide`
    : ''
  return (
    `${name}${handling ? '' : ' (off)'}: lost ${one.lostPercent.toFixed(0)} % on the way; sound invented ${one.concealedPercent.toFixed(2)} %, ` +
    `frozen ${one.audioFrozenPercent.toFixed(1)} %, buffer ${one.audioBufferMs.toFixed(0)} ms${picture}; ${one.sentKbps.toFixed(0)} kbit/s ${JSON.stringify(one.facts)}`
  )
}

/** A row a weather: with loss handling, and without it. */
export function callTable(figures: readonly CallFigures[]): string {
  const cells = (one: CallFigures | undefined, picture: boolean): string => {
    if (one === undefined) return picture ? ' - | - | - | - ' : ' - | - | - '
    const sound = `${one.concealedPercent.toFixed(2)} %`
    const sent = `${one.sentKbps.toFixed(0)}`
    if (!picture) return ` ${sound} | ${one.audioBufferMs.toFixed(0)} ms | ${sent} `
    const shown = (100 * one.framesShown) / Math.max(1, one.framesPainted)
    return ` ${shown.toFixed(0)} % | ${one.frozenPercent.toFixed(1)} % | ${one.delayP50Ms} / ${one.delayP95Ms} ms | ${sent} `
  }
  const rows = (picture: boolean): string[] =>
    weathers
      .filter(({ name, video }) => video === picture && figures.some((one) => one.name === name))
      .map(({ name }) => {
        const of = (handling: boolean) =>
          figures.find((one) => one.name === name && one.handling === handling)
        return `| ${name} |${cells(of(true), picture)}|${cells(of(false), picture)}|`
      })
  return [
    '| Sound | invented | buffer | kbit/s | off: invented | buffer | kbit/s |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows(false),
    '',
    '| Picture | shown | frozen | delay p50 / p95 | kbit/s | off: shown | frozen | delay | kbit/s |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows(true),
  ].join('\n')
}
