import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { SyntheticPeer, type SyntheticPeerOptions } from './index.ts'

declare global {
  var connection: RTCPeerConnection
}

const ORIGIN = 'http://localhost/'
const soon = { timeout: 20_000, interval: 50 }

let browser: Browser
beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'],
  })
})
afterAll(async () => {
  await browser.close()
})

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function openPage(): Promise<Page> {
  const page = await browser.newPage()
  closers.push(() => page.close())
  await page.route('**/*', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<title>peer</title>' }),
  )
  await page.goto(ORIGIN)
  return page
}

function lite(options: SyntheticPeerOptions = {}): SyntheticPeer {
  const peer = new SyntheticPeer({ ...options, lite: true })
  closers.push(() => peer.close())
  return peer
}

/** An offer of a moving picture in VP8, as one stream or three, and a tone. */
function publish(options: { readonly simulcast: boolean }): Promise<string> {
  const canvas = document.createElement('canvas')
  canvas.width = 1280
  canvas.height = 720
  const context = canvas.getContext('2d')
  let hue = 0
  setInterval(() => {
    if (!context) return
    for (let square = 0; square < 200; square++) {
      hue = (hue + 7) % 360
      context.fillStyle = `hsl(${hue} 80% 50%)`
      context.fillRect(Math.random() * 1280, Math.random() * 720, 80, 80)
    }
  }, 33)
  const audio = new AudioContext()
  const tone = audio.createOscillator()
  const destination = audio.createMediaStreamDestination()
  tone.connect(destination)
  tone.start()
  globalThis.connection = new RTCPeerConnection()
  const [picture] = canvas.captureStream(30).getVideoTracks()
  const [sound] = destination.stream.getAudioTracks()
  if (!picture || !sound) throw new Error('no tracks')
  const layers = [
    { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
    { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
    { rid: 'f', maxBitrate: 1_500_000 },
  ]
  const sendEncodings = options.simulcast ? layers : [{ maxBitrate: 1_500_000 }]
  const video = connection.addTransceiver(picture, { direction: 'sendonly', sendEncodings })
  const codecs = RTCRtpReceiver.getCapabilities('video')?.codecs ?? []
  video.setCodecPreferences(codecs.filter(({ mimeType }) => /VP8|rtx/i.test(mimeType)))
  connection.addTransceiver(sound, { direction: 'sendonly' })
  return connection.createOffer().then(async (offer) => {
    await connection.setLocalDescription(offer)
    return offer.sdp ?? ''
  })
}

const acceptAnswer = (sdp: string) => connection.setRemoteDescription({ type: 'answer', sdp })

type Report = Record<string, unknown>
const fewPackets = 25
const statistics = (page: Page, type: string): Promise<Report[]> =>
  page.evaluate(async (wanted) => {
    const reports: Record<string, unknown>[] = []
    for (const report of (await connection.getStats()).values())
      if (report.type === wanted) reports.push(report)
    return reports
  }, type)

describe('Chromium', () => {
  test('publishes to us, trusts our feedback and raises its bitrate to the cap', async () => {
    const page = await openPage()
    const peer = lite()
    const answer = await peer.acceptOffer(await page.evaluate(publish, { simulcast: false }))
    await page.evaluate(acceptAnswer, answer)
    await peer.connected
    await vi.waitFor(() => {
      const { inbound } = peer.statistics()
      expect(inbound.find(({ kind }) => kind === 'audio')?.frames).toBeGreaterThan(100)
      expect(inbound.find(({ kind }) => kind === 'video')?.frames).toBeGreaterThan(60)
    }, soon)
    await vi.waitFor(async () => {
      const [video] = (await statistics(page, 'outbound-rtp')).filter(({ kind }) => kind === 'video')
      expect(video?.targetBitrate).toBeGreaterThan(1_400_000)
    }, soon)
    await vi.waitFor(async () => {
      const remote = await statistics(page, 'remote-inbound-rtp')
      expect(remote).toHaveLength(2)
      for (const { roundTripTime, packetsLost } of remote) {
        expect(roundTripTime).toBeLessThan(1)
        // A peer in JavaScript on a busy machine may miss a few; faulty feedback tells of many.
        expect(packetsLost).toBeLessThan(fewPackets)
      }
    }, soon)
    const received = peer.statistics()
    expect(received).toMatchObject({ violations: 0, unassigned: 0, transport: { refusedPackets: 0 } })
    const [video] = received.inbound.filter(({ kind }) => kind === 'video')
    expect(video).toMatchObject({ unreadable: 0 })
    expect(video?.missing).toBeLessThan(fewPackets)
  })

  test('publishes three layers that are told apart by rid', async () => {
    const page = await openPage()
    const peer = lite()
    await page.evaluate(
      acceptAnswer,
      await peer.acceptOffer(await page.evaluate(publish, { simulcast: true })),
    )
    await peer.connected
    await vi.waitFor(() => {
      const video = peer.statistics().inbound.filter(({ kind }) => kind === 'video')
      expect(video.map(({ rid, width }) => `${rid} ${width}`).sort()).toEqual(['f 1280', 'h 640', 'q 320'])
      for (const { frames } of video) expect(frames).toBeGreaterThan(20)
    }, soon)
    expect(peer.statistics().unassigned).toBe(0)
  })

  test('subscribes to us: packets, frames and reports arrive', async () => {
    const page = await openPage()
    const peer = lite({ send: { audio: { level: 20 }, video: true } })
    const answer = await page.evaluate(
      async (sdp) => {
        globalThis.connection = new RTCPeerConnection()
        await connection.setRemoteDescription({ type: 'offer', sdp })
        await connection.setLocalDescription()
        return connection.localDescription?.sdp ?? ''
      },
      await peer.createOffer(),
    )
    peer.acceptAnswer(answer)
    await peer.connected
    await vi.waitFor(async () => {
      const inbound = await statistics(page, 'inbound-rtp')
      for (const { packetsReceived, packetsLost } of inbound) {
        expect(packetsReceived).toBeGreaterThan(60)
        expect(packetsLost).toBe(0)
      }
      expect(inbound.find(({ kind }) => kind === 'video')?.framesReceived).toBeGreaterThan(30)
      expect(inbound).toHaveLength(2)
    }, soon)
    await vi.waitFor(() => {
      const { feedback, roundTripMs } = peer.statistics()
      expect(feedback.transportArrived).toBeGreaterThan(100)
      expect(roundTripMs).toBeDefined()
    }, soon)
    expect(peer.statistics().violations).toBe(0)
  })
})
