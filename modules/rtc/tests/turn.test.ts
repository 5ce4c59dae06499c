import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { iceServers } from '../src/ice-servers.ts'
import { missingForBrowser } from './build-sfu.ts'
import { launchChromium } from './chromium.ts'
import { Coturn, missingForTurn } from './coturn.ts'
import { installPageClient } from './page-client.ts'

const missing = (await missingForBrowser()) || missingForTurn()
const soon = { timeout: 40_000, interval: 100 }
const secret = 'the-shared-secret'

describe.skipIf(missing !== '')(`TURN by coturn${missing && ` (skipped: ${missing})`}`, () => {
  let turn: Coturn
  let cloud: DevCloud
  let browser: Browser
  let pages: Server

  beforeAll(async () => {
    turn = await Coturn.start(secret)
    cloud = await startDevCloud({
      env: {
        PARLEY_MEDIA_ADDRESSES: '127.0.0.1',
        PARLEY_TURN_URLS: `turn:127.0.0.1:${turn.port}?transport=udp`,
        PARLEY_TURN_SECRET: secret,
      },
    })
    pages = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html').end('<!doctype html><title>call</title><body></body>')
    })
    await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve))
    browser = await launchChromium()
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await new Promise((resolve) => pages?.close(resolve))
    await cloud?.close()
    await turn?.close()
  })

  async function openPage(): Promise<Page> {
    const page = await (await browser.newContext()).newPage()
    await page.exposeFunction('relayPort', () => 0)
    await page.goto(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`)
    await page.evaluate(installPageClient)
    return page
  }

  test('RTC-40: media flows both ways between browsers that may use TURN only', async () => {
    const [alice, bob] = [await openPage(), await openPage()]
    for (const [page, userId] of [
      [alice, 'alice'],
      [bob, 'bob'],
    ] as const) {
      const token = await cloud.token(userId)
      await page.evaluate((options) => globalThis.call.join(options), {
        ...{ url: cloud.url, token, roomId: 'relayed', device: userId, relayOnly: true },
      })
      await page.evaluate(() => globalThis.call.publish({ camera: true, small: true }))
    }
    for (const page of [alice, bob]) {
      await vi.waitFor(async () => {
        const reports = await page.evaluate(async () => await globalThis.call.stats('subscribe'))
        const video = reports.find((one) => one.type === 'inbound-rtp' && one.kind === 'video')
        expect(Number(video?.framesDecoded ?? 0)).toBeGreaterThan(5)
        const audio = reports.find((one) => one.type === 'inbound-rtp' && one.kind === 'audio')
        expect(Number(audio?.totalAudioEnergy ?? 0)).toBeGreaterThan(0)
      }, soon)
      for (const which of ['publish', 'subscribe'] as const) {
        await vi.waitFor(async () => {
          const reports = await page.evaluate((wanted) => globalThis.call.stats(wanted), which)
          const pair = reports.find((one) => one.type === 'candidate-pair' && one.nominated === true)
          const local = reports.find((one) => one.id === pair?.localCandidateId)
          expect(local).toMatchObject({ candidateType: 'relay', relayProtocol: 'udp' })
        }, soon)
      }
    }
    expect(turn.log).toMatch(/user <\d+:alice>/)
  }, 120_000)

  test('RTC-40: a wrong secret and credentials past their end get no allocation', async () => {
    const page = await openPage()
    const gather = (options: { secret: string; ttlMs: number }) =>
      page.evaluate(
        async (servers) => {
          const connection = new RTCPeerConnection({ iceServers: servers, iceTransportPolicy: 'relay' })
          const candidates: string[] = []
          const errors: number[] = []
          connection.onicecandidateerror = ({ errorCode }) => errors.push(errorCode)
          connection.createDataChannel('x')
          const gathered = new Promise<void>((resolve) => {
            connection.onicecandidate = ({ candidate }) => {
              if (candidate === null) resolve()
              else if (candidate.candidate !== '') candidates.push(candidate.type ?? '')
            }
          })
          await connection.setLocalDescription()
          await gathered
          connection.close()
          return { candidates: [...new Set(candidates)], errors: [...new Set(errors)] }
        },
        iceServers(
          { urls: `turn:127.0.0.1:${turn.port}?transport=udp`, ...options },
          'mallory',
        ) as RTCIceServer[],
      )
    expect(await gather({ secret, ttlMs: 60_000 })).toEqual({ candidates: ['relay'], errors: [] })
    expect(await gather({ secret: 'another', ttlMs: 60_000 })).toEqual({ candidates: [], errors: [401] })
    expect(await gather({ secret, ttlMs: -60_000 })).toEqual({ candidates: [], errors: [401] })
  }, 120_000)
})
