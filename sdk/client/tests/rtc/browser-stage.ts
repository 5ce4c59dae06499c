import type { Server } from 'node:http'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { type Browser, chromium, type Page } from 'playwright-core'
import { chromiumPath } from '../../../../modules/rtc/tests/build-sfu.ts'
import { flags, serveBundle } from './bundle.ts'
import type {} from './page.ts'

interface StageParts {
  cloud: DevCloud
  bundle: { server: Server; url: string }
  browser: Browser
}

/** A cloud with media on this machine, and a Chromium whose pages have the SDK. */
export class BrowserStage {
  readonly cloud: DevCloud
  readonly #bundle: StageParts['bundle']
  readonly #browser: Browser

  private constructor({ cloud, bundle, browser }: StageParts) {
    this.cloud = cloud
    this.#bundle = bundle
    this.#browser = browser
  }

  /** @param env settings of the cloud besides those of its media address */
  static async open(env: Record<string, string> = {}): Promise<BrowserStage> {
    const bundle = await serveBundle()
    const browser = await chromium.launch({ executablePath: chromiumPath, args: flags })
    // Last, so that nothing with processes of its own is left behind where the others fail.
    const cloud = await startDevCloud({ env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1', ...env } })
    return new BrowserStage({ cloud, bundle, browser })
  }

  /** A page in a context of its own; `prepare` has it before the SDK is loaded. */
  async newPage(prepare?: (page: Page) => unknown): Promise<Page> {
    const page = await (await this.#browser.newContext()).newPage()
    await prepare?.(page)
    await page.goto(this.#bundle.url)
    await page.waitForFunction(() => globalThis.page !== undefined)
    return page
  }

  /** Connects the SDK of the page as this user. */
  async connect(page: Page, userId: string, token: Parameters<DevCloud['token']>[1] = {}): Promise<void> {
    const given = [this.cloud.url, await this.cloud.token(userId, token)] as const
    await page.evaluate(([url, token]) => globalThis.page.connect(url, token), given)
  }

  async close(): Promise<void> {
    await this.#browser.close()
    await new Promise((resolve) => this.#bundle.server.close(resolve))
    await this.cloud.close()
  }
}
