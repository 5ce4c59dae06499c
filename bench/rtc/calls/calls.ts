import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { signJwt } from '@parley/protocols/jwt'
import { startServerProcess } from '@parley/testing/server-process'
import { createWeakNetwork, type Impairment, type WeakNetwork } from '@parley/testing/weaknet'
import { build } from 'esbuild'
import { type Browser, chromium, type Page } from 'playwright-core'
import { JanusTarget } from '../janus/janus-target.ts'
import { type CallFigures, lineOf, type Way } from './call-table.ts'
import { near, type Weather } from './weathers.ts'

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
const allCores = `0-${cpus().length - 1}`
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

/** Runs in the page before it loads: the way to the server that it learns of leads through the network in between. */
function reroute(): void {
  const apply = RTCPeerConnection.prototype.setRemoteDescription as (
    this: RTCPeerConnection,
    description: RTCSessionDescriptionInit,
  ) => Promise<void>
  RTCPeerConnection.prototype.setRemoteDescription = async function (description: RTCSessionDescriptionInit) {
    const sdp = description.sdp ?? ''
    const [, address = '', port = '0'] = /a=candidate:\S+ 1 udp \d+ ([\d.]+) (\d+)/i.exec(sdp) ?? []
    const relay = address === '' ? 0 : await globalThis.weatherRelayPort(address, Number(port))
    const rerouted = sdp
      .replaceAll(/^(a=candidate:\S+ 1 udp \d+) [\d.]+ \d+/gim, `$1 127.0.0.1 ${relay}`)
      .replaceAll(/^a=candidate:(?!\S+ 1 udp \d+ 127\.0\.0\.1 ).*\r\n/gim, '')
    return apply.call(this, { type: description.type, sdp: rerouted })
  }
}

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
      PARLEY_RTC_FEC: process.env.PARLEY_RTC_FEC ?? 'true',
    },
  })
  return {
    join: async (page, userId, roomNumber, publish) => {
      const roomId = `weather-${roomNumber}`
      const now = Date.now() / 1000
      const { keyId, keySecret } = server.key
      const grants = { rtc: { room: roomId, publish: true, subscribe: true } }
      const token = signJwt({ iss: keyId, sub: userId, iat: now, exp: now + 3_600, grants }, keySecret)
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
  if (!existsSync(chromiumPath)) throw new Error(`no ${chromiumPath}`)
  const carrier = way === 'janus' ? await startJanus() : await startParley(way === 'handled')
  const pages = await servePage()
  const browser = await chromium.launch({ executablePath: chromiumPath, args: flags })
  const url = `http://127.0.0.1:${(pages.address() as AddressInfo).port}/`
  const figures: CallFigures[] = []
  try {
    const waiting = chosen.map((weather, index) => ({ weather, index }))
    const runner = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const { weather, index } = next
        const measured = await measureCall(
          { browser, url, carrier, weather, seed: index + 7 },
          options,
        ).catch((error: unknown) => say(`${weather.name}: not measured, ${String(error).slice(0, 200)}`))
        if (measured === undefined) continue
        const figure = { ...measured, way }
        figures.push(figure)
        say(lineOf(figure))
      }
    }
    await Promise.all(Array.from({ length: options.atOnce }, runner))
  } finally {
    await browser.close()
    pages.close()
    await carrier.close()
  }
  return figures
}

async function measureCall(
  {
    browser,
    url,
    carrier,
    weather,
    seed,
  }: {
    browser: Browser
    url: string
    carrier: Carrier
    weather: Weather
    seed: number
  },
  { settleSeconds, seconds }: { settleSeconds: number; seconds: number },
): Promise<Omit<CallFigures, 'way'>> {
  const networks: WeakNetwork[] = []
  const open = async (userId: string, impairments: { up: Impairment; down: Impairment }): Promise<Page> => {
    const page = await (await browser.newContext()).newPage()
    const byPort = new Map<number, Promise<WeakNetwork>>()
    await page.exposeFunction('weatherRelayPort', async (address: string, port: number) => {
      const network =
        byPort.get(port) ?? createWeakNetwork({ target: { address, port }, ...impairments, seed })
      byPort.set(port, network)
      const made = await network
      if (!networks.includes(made)) networks.push(made)
      return made.port
    })
    await page.addInitScript(reroute)
    await page.goto(url)
    await page.waitForFunction(() => globalThis.weatherCall !== undefined)
    await carrier.join(page, userId, seed, userId === 'alice' ? { video: weather.video } : undefined)
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
