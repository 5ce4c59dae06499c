import type { Server } from 'node:http'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { createWeakNetwork, type WeakNetwork } from '@parley/testing/weaknet'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { chromiumPath, missingForBrowser } from '../../../../modules/rtc/tests/build-sfu.ts'
import { flags, serveBundle } from './bundle.ts'
import type {} from './page.ts'

const missing = await missingForBrowser()

describe.skipIf(missing !== '')(`lossy uplinks in Chromium${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  let server: Server
  let browser: Browser
  let url: string
  const networks: WeakNetwork[] = []
  const problems: string[] = []

  beforeAll(async () => {
    cloud = await startDevCloud({ env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1' } })
    const bundle = await serveBundle()
    server = bundle.server
    url = bundle.url
    browser = await chromium.launch({ executablePath: chromiumPath, args: flags })
  })

  afterAll(async () => {
    await browser?.close()
    await new Promise((resolve) => server?.close(resolve))
    for (const network of networks) network.close()
    await cloud?.close()
  })

  async function open(roomId: string, userId: string, loss: number): Promise<Page> {
    const page = await (await browser.newContext()).newPage()
    page.on('pageerror', (error) => problems.push(`${userId}: ${error.stack}`))
    await page.exposeFunction('mediaRelayPort', async (port: number) => {
      if (loss === 0) return 0
      const network = await createWeakNetwork({
        target: { address: '127.0.0.1', port },
        up: { loss, delayMs: 20 },
        down: { delayMs: 20 },
        seed: 11,
      })
      networks.push(network)
      return network.port
    })
    await page.goto(url)
    await page.waitForFunction(() => globalThis.page !== undefined)
    const token = await cloud.token(userId, {
      grants: { rtc: { room: roomId, publish: true, subscribe: true } },
    })
    await page.evaluate(([server, token]) => globalThis.page.connect(server, token), [
      cloud.url,
      token,
    ] as const)
    return page
  }

  /** Alice speaks over an uplink that loses half of what she sends; answers the share Bob had to invent. */
  async function invented(roomId: string, deepRedundancy: boolean): Promise<number> {
    const alice = await open(roomId, `alice-${roomId}`, 0.5)
    const bob = await open(roomId, `bob-${roomId}`, 0)
    for (const page of [alice, bob]) {
      await page.evaluate(
        async ([roomId, speaks, deepRedundancy]) => {
          const audio = speaks && globalThis.page.tone()
          const room = await globalThis.page.parley.rtc.join(roomId, { audio, deepRedundancy })
          globalThis.page.watch(room)
        },
        [roomId, page === alice, deepRedundancy] as const,
      )
    }
    const fact = (name: string) =>
      bob.evaluate(([roomId, name]) => globalThis.page.received(roomId, 'audio', name), [
        roomId,
        name,
      ] as const)
    const played = async (seconds: number) => {
      const before = await fact('totalSamplesReceived')
      await vi.waitFor(
        async () => expect(await fact('totalSamplesReceived')).toBeGreaterThan(before + seconds * 48_000),
        { timeout: 40_000, interval: 200 },
      )
    }
    await played(10)
    const before = { concealed: await fact('concealedSamples'), all: await fact('totalSamplesReceived') }
    await played(6)
    const concealed = (await fact('concealedSamples')) - before.concealed
    const share = concealed / ((await fact('totalSamplesReceived')) - before.all)
    for (const page of [alice, bob]) await page.context().close()
    return share
  }

  test('RTC-100: at 50 % loss towards the server deep redundancy leaves next to nothing to invent', async () => {
    const [deep, shallow] = await Promise.all([invented('deep', true), invented('shallow', false)])
    expect(shallow).toBeGreaterThan(0.1)
    expect(deep).toBeLessThan(0.02)
    expect(problems).toEqual([])
  }, 120_000)
})
