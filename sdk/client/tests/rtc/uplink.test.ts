import { createWeakNetwork, type Impairment, type WeakNetwork } from '@parley/testing/weaknet'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { missingForBrowser } from '../../../../modules/rtc/tests/build-sfu.ts'
import { BrowserStage } from './browser-stage.ts'
import type {} from './page.ts'

const missing = await missingForBrowser()
const soon = { timeout: 40_000, interval: 200 }

interface Speech {
  /** What the uplink of the one who speaks does. */
  up?: Impairment
  deepRedundancy?: boolean
  /** Of the page that speaks. */
  contentSecurityPolicy?: string
}

describe.skipIf(missing !== '')(
  `sound over bad uplinks in Chromium${missing && ` (skipped: ${missing})`}`,
  () => {
    let stage: BrowserStage
    const networks: WeakNetwork[] = []
    const problems: string[] = []

    beforeAll(async () => {
      stage = await BrowserStage.open()
    })

    afterAll(async () => {
      await stage?.close()
      for (const network of networks) network.close()
    })

    async function open(
      roomId: string,
      userId: string,
      { up, contentSecurityPolicy }: Speech,
    ): Promise<Page> {
      const page = await stage.newPage((page) => {
        page.on('pageerror', (error) => problems.push(`${userId}: ${error.stack}`))
        return page.exposeFunction('mediaRelayPort', async (port: number) => {
          if (up === undefined) return 0
          const target = { address: '127.0.0.1', port }
          const network = await createWeakNetwork({ target, up, down: { delayMs: 20 }, seed: 11 })
          networks.push(network)
          return network.port
        })
      })
      await page.evaluate((policy) => {
        const meta = document.createElement('meta')
        meta.httpEquiv = 'Content-Security-Policy'
        meta.content = policy
        document.head.append(meta)
      }, contentSecurityPolicy ?? '')
      await stage.connect(page, userId, {
        grants: { rtc: { room: roomId, publish: true, subscribe: true } },
      })
      return page
    }

    /** Alice speaks, Bob hears her. */
    async function call(roomId: string, speech: Speech) {
      const alice = await open(roomId, 'alice', speech)
      const bob = await open(roomId, 'bob', {})
      for (const page of [alice, bob]) {
        await page.evaluate(
          async ([roomId, speaks, deepRedundancy]) => {
            const audio = speaks && globalThis.page.tone()
            const room = await globalThis.page.parley.rtc.join(roomId, { audio, deepRedundancy })
            globalThis.page.watch(room)
          },
          [roomId, page === alice, speech.deepRedundancy ?? true] as const,
        )
      }
      const fact = (name: string) =>
        bob.evaluate(([roomId, name]) => globalThis.page.received(roomId, 'audio', name), [
          roomId,
          name,
        ] as const)
      const facts = async () => ({
        samples: await fact('totalSamplesReceived'),
        concealed: await fact('concealedSamples'),
        packets: await fact('packetsReceived'),
      })
      return {
        alice,
        /** What Bob heard in the next so many seconds of sound. */
        heard: async (seconds: number) => {
          const before = await facts()
          await vi.waitFor(
            async () => expect((await facts()).samples).toBeGreaterThan(before.samples + seconds * 48_000),
            soon,
          )
          const after = await facts()
          const samples = after.samples - before.samples
          return {
            invented: (after.concealed - before.concealed) / samples,
            packetsASecond: (after.packets - before.packets) / (samples / 48_000),
          }
        },
        close: () => Promise.all([alice.context().close(), bob.context().close()]),
      }
    }

    test('RTC-100: at 50 % loss towards the server deep redundancy leaves next to nothing to invent', async () => {
      const up = { loss: 0.5, delayMs: 20 }
      const [deep, shallow] = await Promise.all(
        [true, false].map(async (deepRedundancy) => {
          const speaking = await call(deepRedundancy ? 'deep' : 'shallow', { up, deepRedundancy })
          await speaking.heard(10)
          const { invented } = await speaking.heard(6)
          await speaking.close()
          return invented
        }),
      )
      expect(shallow).toBeGreaterThan(0.1)
      expect(deep).toBeLessThan(0.02)
    }, 120_000)

    test('RTC-102: over an uplink of 50 kbit/s speech comes in fewer packets, and whole', async () => {
      const narrow = await call('narrow', { up: { delayMs: 20, rateKbps: 50, queueBytes: 4_000 } })
      await vi.waitFor(async () => {
        const { invented, packetsASecond } = await narrow.heard(2)
        expect(packetsASecond).toBeLessThan(25)
        expect(invented).toBeLessThan(0.05)
      }, soon)
      await narrow.close()
    }, 120_000)

    test('RTC-100: a page that may not start workers is heard all the same', async () => {
      const strict = await call('strict', { contentSecurityPolicy: "worker-src 'none'" })
      const isRefused = strict.alice.evaluate(() => {
        const address = URL.createObjectURL(new Blob(['postMessage(1)'], { type: 'text/javascript' }))
        return new Promise<boolean>((resolve) => {
          try {
            const worker = new Worker(address)
            worker.onerror = () => resolve(true)
            worker.onmessage = () => resolve(false)
          } catch {
            resolve(true)
          }
        })
      })
      expect(await isRefused).toBe(true)
      const { packetsASecond, invented } = await strict.heard(3)
      expect(packetsASecond).toBeGreaterThan(40)
      expect(invented).toBeLessThan(0.2)
      await strict.close()
      expect(problems).toEqual([])
    }, 60_000)
  },
)
