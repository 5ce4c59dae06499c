import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { signJwt } from '@parley/protocols/jwt'
import { type ServerProcess, startServerProcess } from '@parley/testing/server-process'
import { createWeakNetwork, type Impairment, type WeakNetwork } from '@parley/testing/weaknet'
import { build } from 'esbuild'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { near } from '../calls/weathers.ts'
import type { Arrival } from './page.ts'

/** A call that begins while packets are lost one way: of who talks, or of who listens. */
interface Beginning {
  name: string
  publish: 'sound' | 'picture'
  /** Of the one who talks. */
  talker: { up: Impairment; down: Impairment }
  listener: { up: Impairment; down: Impairment }
  /** Whose joining is watched; the other is there before. */
  late: 'talker' | 'listener'
}

const clear = { up: near, down: near }
const lossy = (loss: number): Impairment => ({ ...near, loss })

export const beginnings: readonly Beginning[] = (['sound', 'picture'] as const).flatMap((publish) =>
  [0, 0.7, 0.8].flatMap((loss): Beginning[] => {
    const share = `${loss * 100} %`
    const up = { up: lossy(loss), down: near }
    const down = { up: near, down: lossy(loss) }
    return [
      { name: `${publish}, talker, ${share} up`, publish, talker: up, listener: clear, late: 'talker' },
      { name: `${publish}, talker, ${share} down`, publish, talker: down, listener: clear, late: 'talker' },
      { name: `${publish}, listener, ${share} up`, publish, talker: clear, listener: up, late: 'listener' },
      {
        name: `${publish}, listener, ${share} down`,
        publish,
        talker: clear,
        listener: down,
        late: 'listener',
      },
    ]
  }),
)

export interface ConnectingOptions {
  tries: number
  atOnce: number
  giveUpMs: number
}

const flags = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--autoplay-policy=no-user-gesture-required'],
  ...['--disable-background-timer-throttling', '--disable-renderer-backgrounding'],
]
const chromiumPath = process.env.PARLEY_CHROMIUM ?? '/usr/bin/chromium'

async function servePage(): Promise<Server> {
  const { outputFiles } = await build({
    entryPoints: [join(process.cwd(), 'bench/rtc/connecting/page.ts')],
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

/** Runs in the page before it loads: the only way to the server leads through the network in between. */
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

/** From the wish to join on; without a number it had not happened when time was up. */
export interface Connected {
  ice: number | undefined
  connected: number | undefined
  /** At the listener. */
  media: number | undefined
  connections: number
}

async function tryOnce(
  parts: { server: ServerProcess; browser: Browser; pageUrl: string },
  { publish, talker, listener, late }: Beginning,
  { seed, giveUpMs }: { seed: number; giveUpMs: number },
): Promise<Connected> {
  const networks: WeakNetwork[] = []
  const contexts: BrowserContext[] = []
  const open = async (path: { up: Impairment; down: Impairment }): Promise<Page> => {
    const context = await parts.browser.newContext()
    contexts.push(context)
    const page = await context.newPage()
    const byPort = new Map<number, Promise<WeakNetwork>>()
    await page.exposeFunction('weatherRelayPort', async (address: string, port: number) => {
      const network = byPort.get(port) ?? createWeakNetwork({ target: { address, port }, ...path, seed })
      byPort.set(port, network)
      const made = await network
      if (!networks.includes(made)) networks.push(made)
      return made.port
    })
    await page.addInitScript(reroute)
    await page.goto(parts.pageUrl)
    await page.waitForFunction(() => globalThis.connectingPage !== undefined)
    return page
  }
  const begin = async (page: Page, userId: string, publishes: boolean): Promise<void> => {
    const roomId = `connecting-${seed}`
    const now = Date.now() / 1000
    const { keyId, keySecret } = parts.server.key
    const grants = { rtc: { room: roomId, publish: true, subscribe: true } }
    const token = signJwt({ iss: keyId, sub: userId, iat: now, exp: now + 3_600, grants }, keySecret)
    await page.evaluate(
      ([url, token, roomId, publish]) => globalThis.connectingPage.begin(url, token, roomId, publish),
      [parts.server.url, token, roomId, publishes ? publish : undefined] as const,
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
    await Promise.all(contexts.map((context) => context.close()))
    for (const network of networks) network.close()
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
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-bench-connecting-'))
  const server = await startServerProcess({
    dataDir,
    env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1', PARLEY_RTC_WORKERS: '1', PARLEY_LOG_LEVEL: 'warn' },
  })
  const pages = await servePage()
  const browser = await chromium.launch({ executablePath: chromiumPath, args: flags })
  const pageUrl = `http://127.0.0.1:${(pages.address() as AddressInfo).port}/`
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
          const parts = { server, browser, pageUrl }
          const figure = await tryOnce(parts, beginning, { seed, giveUpMs }).catch((error: unknown) =>
            say(`${beginning.name}: not measured, ${String(error).slice(0, 200)}`),
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
    await browser.close()
    pages.close()
    await server.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
  return all
}
