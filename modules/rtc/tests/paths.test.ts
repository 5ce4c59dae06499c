import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { buildSfu, missingForBrowser } from './build-sfu.ts'
import { CallMember } from './call-member.ts'
import { launchChromium } from './chromium.ts'
import { installPageClient } from './page-client.ts'

const missing = await buildSfu()
const noBrowser = await missingForBrowser()
const soon = { timeout: 40_000, interval: 50 }
const both = { audio: true, video: true } as const

describe.skipIf(missing !== '')(`ways to the media port${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  beforeAll(async () => {
    cloud = await startDevCloud({ env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1,::1' } })
  })
  afterAll(() => cloud?.close())

  const frames = (member: CallMember, kind: 'audio' | 'video'): number =>
    member.subscriber.statistics().inbound.find((one) => one.kind === kind)?.frames ?? 0

  test.each([
    ['::1', 'udp'],
    ['127.0.0.1', 'tcp'],
    ['::1', 'tcp'],
  ] as const)('RTC-41: media flows both ways over %s %s', async (address, transport) => {
    const roomId = `over ${address} ${transport}`
    const path = { address, transport }
    const [here, there] = await Promise.all(
      [path, undefined].map(async (way, index) =>
        CallMember.join({
          ...{ url: cloud.url, token: await cloud.token(`user-${index}`), roomId, send: both },
          ...(way && { path: way }),
        }),
      ),
    )
    if (here === undefined || there === undefined) throw new Error('nobody joined')
    await Promise.all([here.publish(), there.publish()])
    await vi.waitFor(() => {
      for (const member of [here, there]) {
        expect(frames(member, 'audio')).toBeGreaterThan(20)
        expect(frames(member, 'video')).toBeGreaterThan(20)
      }
    }, soon)
    expect([here.publisher, here.subscriber].map((peer) => peer.transport.protocol)).toEqual([
      transport,
      transport,
    ])
    expect(here.subscriber.statistics()).toMatchObject({ violations: 0, unassigned: 0 })
    expect([...here.refusals, ...there.refusals]).toEqual([])
    await Promise.all([here.close(), there.close()])
  })

  describe.skipIf(noBrowser !== '')(`from Chromium${noBrowser && ` (skipped: ${noBrowser})`}`, () => {
    let browser: Browser
    let pages: Server
    beforeAll(async () => {
      pages = createServer((_request, response) => {
        response.setHeader('content-type', 'text/html').end('<!doctype html><body></body>')
      })
      await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve))
      browser = await launchChromium()
    }, 120_000)
    afterAll(async () => {
      await browser?.close()
      await new Promise((resolve) => pages?.close(resolve))
    })

    async function open(userId: string, way: { address: string; transport: string }): Promise<Page> {
      const page = await (await browser.newContext()).newPage()
      await page.exposeFunction('relayPort', () => 0)
      await page.goto(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`)
      await page.evaluate(installPageClient)
      const token = await cloud.token(userId)
      await page.evaluate((options) => globalThis.call.join(options), {
        ...{ url: cloud.url, token, roomId: `page ${way.address} ${way.transport}`, device: userId },
        onlyCandidates: `${way.transport} \\d+ ${way.address} `,
      })
      await page.evaluate(() => globalThis.call.publish({ camera: true, small: true }))
      return page
    }

    test.each([
      ['::1', 'udp'],
      ['127.0.0.1', 'tcp'],
      ['::1', 'tcp'],
    ])(
      'RTC-41: two browsers see and hear each other over %s %s',
      async (address, transport) => {
        const alice = await open('alice', { address, transport })
        const bob = await open('bob', { address, transport })
        for (const page of [alice, bob]) {
          await vi.waitFor(async () => {
            const reports = await page.evaluate(() => globalThis.call.stats('subscribe'))
            const video = reports.find((one) => one.type === 'inbound-rtp' && one.kind === 'video')
            expect(Number(video?.framesDecoded ?? 0)).toBeGreaterThan(5)
            const audio = reports.find((one) => one.type === 'inbound-rtp' && one.kind === 'audio')
            expect(Number(audio?.totalAudioEnergy ?? 0)).toBeGreaterThan(0)
          }, soon)
          for (const which of ['publish', 'subscribe'] as const) {
            await vi.waitFor(async () => {
              const reports = await page.evaluate((wanted) => globalThis.call.stats(wanted), which)
              const pair = reports.find((one) => one.type === 'candidate-pair' && one.nominated === true)
              const remote = reports.find((one) => one.id === pair?.remoteCandidateId)
              expect(remote).toMatchObject({ protocol: transport, address })
            }, soon)
          }
          await page.close()
        }
      },
      120_000,
    )
  })
})
