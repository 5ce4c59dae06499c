import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { Server } from 'node:http'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { chromiumPath, missingForBrowser } from '../../../../modules/rtc/tests/build-sfu.ts'
import { flags, serveBundle } from './bundle.ts'
import type {} from './page.ts'

declare global {
  /** Every peer connection of the page, in the order of their making. */
  var connections: RTCPeerConnection[]
}

const missing = await missingForBrowser()
const inTime = { timeout: 90_000, interval: 200 }
/** So many connections of a page come to nothing. */
const stalled = 2
/** RFC 7983: the first byte of STUN is below this. */
const aboveStun = 4

/** A way to the media port that lets through what `passes`, and all of the way back. */
class Relay {
  readonly #socket = createSocket('udp4')
  readonly #upstreams = new Map<number, Socket>()
  readonly #passes: (datagram: Buffer) => boolean
  taken = 0

  constructor(passes: (datagram: Buffer) => boolean) {
    this.#passes = passes
  }

  async begin(mediaPort: number): Promise<number> {
    this.#socket.on('message', (datagram, { port }) => {
      this.taken += 1
      if (!this.#passes(datagram)) return
      let upstream = this.#upstreams.get(port)
      if (upstream === undefined) {
        upstream = createSocket('udp4')
        upstream.on('message', (answer) => {
          if (this.#passes(answer)) this.#socket.send(answer, port, '127.0.0.1')
        })
        this.#upstreams.set(port, upstream)
      }
      upstream.send(datagram, mediaPort, '127.0.0.1')
    })
    this.#socket.bind(0, '127.0.0.1')
    await once(this.#socket, 'listening')
    return this.#socket.address().port
  }

  close(): void {
    for (const socket of [this.#socket, ...this.#upstreams.values()]) socket.close()
  }
}

describe.skipIf(missing !== '')(
  `connections that stall in Chromium${missing && ` (skipped: ${missing})`}`,
  () => {
    let cloud: DevCloud
    let server: Server
    let browser: Browser
    let url: string
    const relays: Relay[] = []

    beforeAll(async () => {
      cloud = await startDevCloud({ env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1' } })
      const bundle = await serveBundle()
      server = bundle.server
      url = bundle.url
      browser = await chromium.launch({ executablePath: chromiumPath, args: flags })
    }, 60_000)
    afterEach(() => {
      for (const relay of relays.splice(0)) relay.close()
    })
    afterAll(async () => {
      await browser?.close()
      await new Promise((resolve) => server?.close(resolve))
      await cloud?.close()
    })

    /** A page whose first connections go over a relay, however often they are negotiated. */
    async function open(userId: string, relay: Relay): Promise<Page> {
      relays.push(relay)
      let port: Promise<number> | undefined
      const page = await (await browser.newContext()).newPage()
      await page.exposeFunction('stalledPort', (mediaPort: number) => (port ??= relay.begin(mediaPort)))
      await page.addInitScript((stalled) => {
        const connections: RTCPeerConnection[] = []
        globalThis.connections = connections
        globalThis.RTCPeerConnection = class extends RTCPeerConnection {
          constructor(configuration?: RTCConfiguration) {
            super(configuration)
            connections.push(this)
          }
          override async setRemoteDescription({ type, sdp = '' }: RTCSessionDescriptionInit) {
            const own = /^a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+)/m.exec(sdp)?.[1]
            if (own === undefined || connections.indexOf(this) >= stalled)
              return super.setRemoteDescription({ type, sdp })
            const { stalledPort } = globalThis as unknown as {
              stalledPort: (port: number) => Promise<number>
            }
            const port = await stalledPort(Number(own))
            const rerouted = sdp
              .replaceAll(/^(a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1) \d+/gm, `$1 ${port}`)
              .replaceAll(/^a=candidate:\S+ 1 tcp .*\r\n/gm, '')
            return super.setRemoteDescription({ type, sdp: rerouted })
          }
        }
      }, stalled)
      await page.goto(url)
      await page.waitForFunction(() => globalThis.page !== undefined)
      await page.evaluate(([server, token]) => globalThis.page.connect(server, token), [
        cloud.url,
        await cloud.token(userId),
      ] as const)
      return page
    }

    test.each([
      ['no check is answered', 'silent', () => false],
      ['checks are answered and nothing else is', 'mute', ([first = 0]: Buffer) => first < aboveStun],
    ] as const)(
      'RTC-140: where %s, new connections take over the place and its publications',
      async (_, roomId, passes) => {
        const [alice, bob] = await Promise.all([
          open('alice', new Relay(passes)),
          open('bob', new Relay(passes)),
        ])
        for (const page of [bob, alice]) {
          await page.evaluate(
            async ([roomId, speaks]) => {
              const room = await globalThis.page.parley.rtc.join(roomId, {})
              globalThis.page.watch(room)
              const { events } = globalThis.page
              room.on('publication-added', ({ publication }) => events.push(`added ${publication.source}`))
              room.on('publication-removed', ({ publication }) =>
                events.push(`removed ${publication.source}`),
              )
              if (speaks) void room.publish(globalThis.page.tone(), { source: 'microphone' })
            },
            [roomId, page === alice] as const,
          )
        }
        await vi.waitFor(async () => {
          const heard = await bob.evaluate(
            (roomId) => globalThis.page.received(roomId, 'audio', 'packetsReceived'),
            roomId,
          )
          expect(heard).toBeGreaterThan(50)
        }, inTime)
        for (const [index, page] of [alice, bob].entries()) {
          await vi.waitFor(async () => {
            const states = await page.evaluate(() =>
              globalThis.connections.map(({ connectionState }) => connectionState),
            )
            expect(states.slice(0, stalled)).toEqual(['closed', 'closed'])
            expect(states.slice(stalled)).toContain('connected')
          }, inTime)
          expect(relays[index]?.taken).toBeGreaterThan(0)
        }
        const events = await bob.evaluate(() => globalThis.page.events)
        expect(events.filter((event) => /alice|added|removed|closed/.test(event))).toEqual([
          'joined alice',
          'added microphone',
        ])
        for (const page of [alice, bob]) await page.context().close()
      },
      240_000,
    )
  },
)
