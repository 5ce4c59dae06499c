import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

export const chromiumPath = process.env.PARLEY_CHROMIUM ?? '/usr/bin/chromium'
export const hasChromium = existsSync(chromiumPath)

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A browser profile of its own, and everything in it that went wrong. */
export interface Window {
  context: BrowserContext
  problems: string[]
  open: (path: string) => Promise<Page>
  close: () => Promise<void>
}

/** Chromium's own test pictures and tones instead of devices, and nobody is asked. */
export const fakeDevices = [
  '--use-fake-device-for-media-stream=fps=10',
  '--use-fake-ui-for-media-stream',
  '--auto-select-desktop-capture-source=Entire screen',
]

export async function openWindow(
  url: string,
  options: BrowserContextOptions = {},
  moreFlags: readonly string[] = [],
): Promise<Window> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-chromium-'))
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: chromiumPath,
    args: [...flags, ...moreFlags],
    locale: 'en-US',
    colorScheme: 'light',
    viewport: { width: 1440, height: 860 },
    ...options,
  })
  context.setDefaultTimeout(10_000)
  const problems: string[] = []
  return {
    context,
    problems,
    open: async (path) => {
      const page = await context.newPage()
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text())
      })
      page.on('pageerror', (error) => problems.push(String(error.stack)))
      await page.goto(new URL(path, url).href)
      return page
    },
    close: async () => {
      await context.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
