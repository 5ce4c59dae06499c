import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startTestOrigin, type TestOrigin } from './test-origin/index.ts'

const chromiumPath = process.env.PARLEY_CHROMIUM ?? '/usr/bin/chromium'

/** A site of somebody else, which counts what the scripts of uploaded files send it. */
interface Site {
  url: string
  calls: string[]
  pages: Map<string, { type: string; body: string }>
  server: Server
}

function startSite(): Promise<Site> {
  const calls: string[] = []
  const pages: Site['pages'] = new Map()
  const server = createServer((incoming, outgoing) => {
    const path = incoming.url ?? ''
    const page = pages.get(path)
    if (path.startsWith('/ran/')) calls.push(path.slice(5))
    outgoing.writeHead(page === undefined ? 204 : 200, { 'content-type': page?.type ?? 'text/plain' })
    outgoing.end(page?.body)
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      resolve({ url: `http://127.0.0.1:${port}`, calls, pages, server })
    })
  })
}

describe.runIf(existsSync(chromiumPath))('in Chromium', () => {
  let origin: TestOrigin
  let site: Site
  let folder: string
  let context: BrowserContext
  beforeAll(async () => {
    origin = await startTestOrigin()
    site = await startSite()
    folder = mkdtempSync(join(tmpdir(), 'parley-chromium-'))
    context = await chromium.launchPersistentContext(folder, {
      executablePath: chromiumPath,
      args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
    })
    context.setDefaultTimeout(10_000)
  })
  afterAll(async () => {
    await context.close()
    await new Promise((resolve) => site.server.close(resolve))
    await origin.close()
    rmSync(folder, { recursive: true, force: true })
  })
  beforeEach(() => {
    site.calls.length = 0
  })

  const script = (name: string) => `new Image().src='${site.url}/ran/${name}'`
  const files = () => [
    { kind: 'html', contentType: 'text/html', text: `<!doctype html><script>${script('html')}</script>` },
    {
      kind: 'svg',
      contentType: 'image/svg+xml',
      text: `<svg xmlns="http://www.w3.org/2000/svg" onload="${script('svg')}"><script>${script('svg')}</script></svg>`,
    },
    {
      kind: 'xhtml',
      contentType: 'application/xhtml+xml',
      text: `<html xmlns="http://www.w3.org/1999/xhtml"><script>${script('xhtml')}</script></html>`,
    },
  ]
  const upload = (text: string, contentType: string) =>
    origin.upload(Buffer.from(text), { contentType, name: 'evil' })

  /** Long enough for a script that runs to have called: a page that does nothing else is asked for after it. */
  async function settle(): Promise<void> {
    const page = await context.newPage()
    site.pages.set('/settle', { type: 'text/html', body: `<script>${script('settled')}</script>` })
    await page.goto(`${site.url}/settle`)
    await expect.poll(() => site.calls).toContain('settled')
    await page.close()
    site.calls.splice(0, site.calls.length, ...site.calls.filter((call) => call !== 'settled'))
  }

  test('the same files on an ordinary server do run: the trap works', async () => {
    for (const { kind, contentType, text } of files()) {
      site.pages.set(`/plain-${kind}`, { type: contentType, body: text })
      const page = await context.newPage()
      await page.goto(`${site.url}/plain-${kind}`)
      await expect.poll(() => site.calls).toContain(kind)
      await page.close()
    }
  })

  test('opened directly, an uploaded page or drawing is saved and nothing in it runs', async () => {
    for (const { contentType, text } of files()) {
      const { url } = await upload(text, contentType)
      const page = await context.newPage()
      const saved = page.waitForEvent('download')
      await page.goto(url).catch(() => undefined)
      expect((await saved).suggestedFilename()).toMatch(/^evil/)
      await page.close()
    }
    await settle()
    expect(site.calls).toEqual([])
  })

  test('put into a page of somebody else, nothing in it runs', async () => {
    const urls = await Promise.all(
      files().map(async ({ contentType, text }) => (await upload(text, contentType)).url),
    )
    const code = await upload(script('script'), 'text/javascript')
    const tags = urls.flatMap((url) => {
      const safe = url.replaceAll('&', '&amp;')
      return [
        `<iframe src="${safe}"></iframe>`,
        `<object data="${safe}"></object>`,
        `<embed src="${safe}">`,
        `<img src="${safe}">`,
      ]
    })
    tags.push(`<script src="${code.url.replaceAll('&', '&amp;')}"></script>`)
    site.pages.set('/embedding', { type: 'text/html', body: `<!doctype html>${tags.join('')}` })
    const page = await context.newPage()
    await page.goto(`${site.url}/embedding`)
    await page.close()
    await settle()
    expect(site.calls).toEqual([])
  })

  test('even shown in place, as by a proxy that drops headers, the sandbox keeps scripts from running', async () => {
    for (const { contentType, text } of files()) {
      const { url } = await upload(text, contentType)
      const page = await context.newPage()
      await page.route(url, async (route) => {
        const response = await route.fetch()
        const {
          'content-disposition': _saved,
          'x-content-type-options': _sniff,
          ...headers
        } = response.headers()
        await route.fulfill({ response, headers: { ...headers, 'content-type': contentType } })
      })
      const response = await page.goto(url)
      expect(response?.headers()['content-type']).toBe(contentType)
      await page.close()
    }
    await settle()
    expect(site.calls).toEqual([])
  })
})
