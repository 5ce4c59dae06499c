import { existsSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createWeakNetwork, type Impairment, type WeakNetwork } from '@parley/testing/weaknet'
import { build } from 'esbuild'
import { type Browser, chromium, type Page } from 'playwright-core'
import { reroute } from './reroute.ts'

/** What happens to packets of one page, towards the server and from it. */
export interface PagePath {
  up: Impairment
  down: Impairment
}

/** A page whose only way to the server leads through testing/weaknet. */
export interface WeatheredPage {
  readonly page: Page
  /** One for each port of the server, in the order in which the page learned of them. */
  readonly networks: readonly WeakNetwork[]
  /** Idempotent. */
  close(): Promise<void>
}

const flags = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update'],
  ...['--autoplay-policy=no-user-gesture-required', '--disable-background-timer-throttling'],
  ...['--disable-renderer-backgrounding', '--disable-backgrounding-occluded-windows'],
]
const chromiumPath = process.env.PARLEY_CHROMIUM ?? '/usr/bin/chromium'

/** The system's Chromium with copies of one page, each a user of its own. The opener closes it. */
export class BrowserPages {
  readonly #browser: Browser
  readonly #server: Server

  private constructor(browser: Browser, server: Server) {
    this.#browser = browser
    this.#server = server
  }

  /** `entry`: the page's script, bundled with the client SDK as it is in the sources. @throws Error without Chromium. */
  static async open(entry: string): Promise<BrowserPages> {
    if (!existsSync(chromiumPath)) throw new Error(`no ${chromiumPath}`)
    const server = await servePage(entry)
    try {
      return new BrowserPages(await chromium.launch({ executablePath: chromiumPath, args: flags }), server)
    } catch (error) {
      server.close()
      throw error
    }
  }

  /** `seed`: equal ones lose the same packets. Settles when the script of the page has run. */
  async openPage(path: PagePath, seed: number): Promise<WeatheredPage> {
    const context = await this.#browser.newContext()
    const networks: WeakNetwork[] = []
    const close = async (): Promise<void> => {
      await context.close()
      for (const network of networks) network.close()
    }
    try {
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
      // Scripts of type module have run when a page has loaded.
      await page.goto(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`)
      return { page, networks, close }
    } catch (error) {
      await close()
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#browser.close()
    this.#server.close()
  }
}

async function servePage(entry: string): Promise<Server> {
  const { outputFiles } = await build({
    entryPoints: { page: entry },
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
