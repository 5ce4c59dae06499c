import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { type Browser, chromium, type Page } from 'playwright-core'
import type {
  CodecName,
  EgressPayload,
  ExtensionIds,
  ExtensionName,
  FastpathWorker,
  IngressPayload,
  IngressTrack,
  Transport,
} from '../src/index.ts'
import { extensionUris } from '../src/index.ts'

export const chromiumPath = '/usr/bin/chromium'

export function localAddresses(): string[] {
  const outside = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((address) => !address.internal && address.family === 'IPv4')
    .map((address) => address.address)
  return ['127.0.0.1', ...outside]
}

export type Section = {
  kind: 'audio' | 'video'
  mid: string
  rids: string[]
  payloads: {
    payloadType: number
    codec: string
    name: string
    rate: string
    fmtp?: string
    apt?: number
    feedback: string[]
  }[]
  extensions: ExtensionIds
}

export type Description = { sections: Section[]; ufrag: string; pwd: string; fingerprint: string }

/** Reads as much of a browser's SDP as these tests need. */
export function readSdp(sdp: string): Description {
  const [session = '', ...media] = sdp.split(/\r?\nm=/)
  const first = `${session}\n${media[0] ?? ''}`
  const pick = (text: string, pattern: RegExp) => pattern.exec(text)?.[1] ?? ''
  const sections = media.map((text): Section => {
    const payloads = [...text.matchAll(/^a=rtpmap:(\d+) ([\w-]+)\/(\S+)/gm)].map((match) => {
      const payloadType = Number(match[1])
      const fmtp = pick(text, new RegExp(`^a=fmtp:${payloadType} (.*)$`, 'm')).trim()
      const apt = /apt=(\d+)/.exec(fmtp)?.[1]
      return {
        payloadType,
        codec: (match[2] ?? '').toLowerCase(),
        name: match[2] ?? '',
        rate: match[3] ?? '',
        feedback: [...text.matchAll(new RegExp(`^a=rtcp-fb:${payloadType} (.*)$`, 'gm'))].map((f) =>
          (f[1] ?? '').trim(),
        ),
        ...(fmtp ? { fmtp } : {}),
        ...(apt ? { apt: Number(apt) } : {}),
      }
    })
    const extensions: ExtensionIds = {}
    for (const match of text.matchAll(/^a=extmap:(\d+)(?:\/\w+)? (\S+)/gm)) {
      const name = (Object.keys(extensionUris) as ExtensionName[]).find(
        (key) => extensionUris[key] === match[2],
      )
      if (name) extensions[name] = Number(match[1])
    }
    return {
      kind: text.startsWith('audio') ? 'audio' : 'video',
      mid: pick(text, /^a=mid:(\S+)/m),
      rids: [...text.matchAll(/^a=rid:(\S+) send/gm)].map((match) => match[1] ?? ''),
      payloads,
      extensions,
    }
  })
  return {
    sections,
    ufrag: pick(first, /^a=ice-ufrag:(\S+)/m),
    pwd: pick(first, /^a=ice-pwd:(\S+)/m),
    fingerprint: pick(first, /^a=fingerprint:sha-256 (\S+)/m),
  }
}

export type Wanted = {
  section: Section
  /** Payload types kept, in order; their RTX comes along. */
  codecs: string[]
  direction: 'recvonly' | 'sendonly'
  lines?: string[]
}

export function writeSdp(
  worker: FastpathWorker,
  transport: Transport,
  setup: string,
  wanted: Wanted[],
  tcpOnly = false,
): string {
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'a=ice-lite',
    'a=extmap-allow-mixed',
    'a=msid-semantic: WMS *',
  ]
  lines.push(`a=group:BUNDLE ${wanted.map((w) => w.section.mid).join(' ')}`)
  for (const { section, codecs, direction, lines: extra = [] } of wanted) {
    const kept = keptPayloads(section, codecs)
    lines.push(
      `m=${section.kind} 9 UDP/TLS/RTP/SAVPF ${kept.map((p) => p.payloadType).join(' ')}`,
      'c=IN IP4 0.0.0.0',
    )
    lines.push(`a=mid:${section.mid}`, `a=${direction}`, 'a=rtcp-mux', 'a=rtcp-rsize', `a=setup:${setup}`)
    lines.push(
      `a=ice-ufrag:${transport.iceUfrag}`,
      `a=ice-pwd:${transport.icePwd}`,
      `a=fingerprint:sha-256 ${worker.fingerprint}`,
    )
    for (const p of kept) {
      lines.push(`a=rtpmap:${p.payloadType} ${p.name}/${p.rate}`)
      if (p.fmtp) lines.push(`a=fmtp:${p.payloadType} ${p.fmtp}`)
      for (const feedback of p.feedback) lines.push(`a=rtcp-fb:${p.payloadType} ${feedback}`)
    }
    for (const [name, id] of Object.entries(section.extensions))
      lines.push(`a=extmap:${id} ${extensionUris[name as ExtensionName]}`)
    lines.push(...extra)
    worker.addresses.forEach((address, index) => {
      if (!tcpOnly)
        lines.push(`a=candidate:${index} 1 udp ${2130706431 - index} ${address} ${worker.port} typ host`)
      lines.push(
        `a=candidate:9${index} 1 tcp ${1671430143 - index} ${address} ${worker.port} typ host tcptype passive`,
      )
    })
    lines.push('a=end-of-candidates')
  }
  return `${lines.join('\r\n')}\r\n`
}

export function keptPayloads(section: Section, codecs: string[]): Section['payloads'] {
  const kept = codecs.flatMap((codec) => section.payloads.filter((p) => p.codec === codec).slice(0, 1))
  const rtx = section.payloads.filter((p) => p.codec === 'rtx' && kept.some((k) => k.payloadType === p.apt))
  return [...kept, ...rtx]
}

export function ingressPayloads(kept: Section['payloads']): IngressPayload[] {
  return kept
    .filter((p) => p.codec !== 'rtx')
    .map((p) => {
      const rtx = kept.find((other) => other.apt === p.payloadType)
      return {
        payloadType: p.payloadType,
        codec: p.codec as CodecName,
        clockRate: Number(p.rate.split('/')[0]),
        ...(rtx ? { rtxPayloadType: rtx.payloadType } : {}),
      }
    })
}

export function samePayloads(payloads: IngressPayload[]): EgressPayload[] {
  return payloads.map((p) => ({
    from: p.payloadType,
    payloadType: p.payloadType,
    ...(p.rtxPayloadType ? { rtxPayloadType: p.rtxPayloadType } : {}),
  }))
}

/** A browser with fake devices and a page of a secure origin. */
export class BrowserSide {
  readonly #server: Server
  readonly #browser: Browser
  readonly #base: string

  private constructor(server: Server, browser: Browser) {
    this.#server = server
    this.#browser = browser
    this.#base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  }

  static async open(): Promise<BrowserSide> {
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html')
      response.end('<!doctype html><title>call</title><body></body>')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const browser = await chromium.launch({
      executablePath: chromiumPath,
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--use-fake-device-for-media-stream',
        '--use-fake-ui-for-media-stream',
        '--autoplay-policy=no-user-gesture-required',
      ],
    })
    return new BrowserSide(server, browser)
  }

  async page(): Promise<Page> {
    const context = await this.#browser.newContext()
    const page = await context.newPage()
    await page.goto(this.#base)
    return page
  }

  async close(): Promise<void> {
    await this.#browser.close()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

export type Published = {
  transport: Transport
  tracks: IngressTrack[]
  sections: Section[]
  payloads: IngressPayload[][]
}

/** Publishes fake camera and microphone of a page into the worker. */
export async function publish(
  worker: FastpathWorker,
  page: Page,
  options: {
    video: string
    audio?: string[]
    rids?: string[]
    maxBitrate?: number
    tcpOnly?: boolean
    setup?: 'active'
  },
): Promise<Published> {
  const { video, audio = ['opus'], rids = [], maxBitrate = 1_500_000 } = options
  const offer = await page.evaluate(
    async ({ rids, maxBitrate, width }) => {
      const connection = new RTCPeerConnection()
      Object.assign(globalThis, { connection })
      const stream = await navigator.mediaDevices.getUserMedia({
        audio: true,
        video: { width, height: (width * 9) / 16 },
      })
      const [microphone] = stream.getAudioTracks()
      const [camera] = stream.getVideoTracks()
      if (microphone) connection.addTransceiver(microphone, { direction: 'sendonly', streams: [stream] })
      const sendEncodings = rids.length
        ? rids.map((rid, index) => ({
            rid,
            scaleResolutionDownBy: 2 ** (rids.length - 1 - index),
            maxBitrate: [150_000, 400_000, maxBitrate][index + 3 - rids.length] ?? maxBitrate,
          }))
        : [{ maxBitrate }]
      if (camera)
        connection.addTransceiver(camera, { direction: 'sendonly', streams: [stream], sendEncodings })
      await connection.setLocalDescription()
      return connection.localDescription?.sdp ?? ''
    },
    // Chromium sends three layers only from 960 x 540 up.
    { rids, maxBitrate, width: rids.length ? 1280 : 640 },
  )
  const description = readSdp(offer)
  const transport = worker.createTransport()
  transport.setRemote({
    dtlsRole: options.setup === 'active' ? 'client' : 'server',
    fingerprints: [description.fingerprint],
    iceUfrag: description.ufrag,
    icePwd: description.pwd,
  })
  const tracks: IngressTrack[] = []
  const payloads: IngressPayload[][] = []
  const wanted: Wanted[] = description.sections.map((section) => {
    const codecs = section.kind === 'audio' ? audio : [video]
    const ingress = ingressPayloads(keptPayloads(section, codecs))
    payloads.push(ingress)
    tracks.push(
      transport.createTrack({
        kind: section.kind,
        mid: section.mid,
        extensions: section.extensions,
        payloads: ingress,
        ...(section.rids.length ? { layers: section.rids.map((rid) => ({ rid })) } : {}),
      }),
    )
    const lines = section.rids.length
      ? [...section.rids.map((rid) => `a=rid:${rid} recv`), `a=simulcast:recv ${section.rids.join(';')}`]
      : []
    return { section, codecs, direction: 'recvonly', lines }
  })
  const answer = writeSdp(worker, transport, options.setup ?? 'passive', wanted, options.tcpOnly)
  await page.evaluate(async (sdp) => {
    const { connection } = globalThis as unknown as { connection: RTCPeerConnection }
    await connection.setRemoteDescription({ type: 'answer', sdp })
  }, answer)
  return { transport, tracks, sections: description.sections, payloads }
}

/** Subscribes a page to everything published. */
export async function subscribe(
  worker: FastpathWorker,
  page: Page,
  published: Published,
  options: {
    video: string
    audio?: string[]
    layer?: number
    stripRed?: boolean
    tcpOnly?: boolean
    protects?: boolean
  } = { video: 'vp8' },
) {
  const transport = worker.createTransport({ reportRtcp: true, reportSent: true })
  const audio = options.audio ?? ['opus']
  const streams = published.tracks.map((track, index) => {
    const section = published.sections[index]
    if (!section) throw new Error('no section')
    const media = section.kind === 'audio' ? audio : [options.video]
    const egress = samePayloads(ingressPayloads(keptPayloads(section, media)))
    const protects = section.kind === 'video' && options.protects
    const codecs = protects ? [...media, 'red', 'ulpfec'] : media
    const numberOf = (codec: string) => section.payloads.find((p) => p.codec === codec)?.payloadType ?? 0
    const red = section.payloads.find((p) => p.codec === 'red')
    const opus = section.payloads.find((p) => p.codec === 'opus')
    if (options.stripRed && section.kind === 'audio' && red && opus) {
      egress.push({ from: red.payloadType, payloadType: opus.payloadType, stripRed: true })
    }
    return {
      section,
      codecs,
      stream: transport.createStream(track, {
        kind: section.kind,
        mid: section.mid,
        extensions: section.extensions,
        payloads: egress,
        cname: 'publisher',
        layer: options.layer ?? 0,
        ...(protects && { redPayloadType: numberOf('red'), fecPayloadType: numberOf('ulpfec') }),
      }),
    }
  })
  const offer = writeSdp(
    worker,
    transport,
    'actpass',
    streams.map(({ section, codecs, stream }) => {
      const lines = [`a=msid:remote ${section.kind}`, `a=ssrc:${stream.ssrc} cname:publisher`]
      if (stream.rtxSsrc) {
        lines.push(
          `a=ssrc:${stream.rtxSsrc} cname:publisher`,
          `a=ssrc-group:FID ${stream.ssrc} ${stream.rtxSsrc}`,
        )
      }
      return { section, codecs, direction: 'sendonly', lines }
    }),
    options.tcpOnly,
  )
  const answer = await page.evaluate(async (sdp) => {
    const connection = new RTCPeerConnection()
    Object.assign(globalThis, { connection, started: performance.now() })
    connection.ontrack = ({ track, streams }) => {
      const element = document.createElement(track.kind === 'audio' ? 'audio' : 'video') as HTMLVideoElement
      element.autoplay = true
      element.muted = track.kind === 'video'
      element.srcObject = streams[0] ?? new MediaStream([track])
      document.body.append(element)
      void element.play()
    }
    await connection.setRemoteDescription({ type: 'offer', sdp })
    await connection.setLocalDescription()
    return connection.localDescription?.sdp ?? ''
  }, offer)
  const description = readSdp(answer)
  transport.setRemote({
    dtlsRole: /a=setup:passive/.test(answer) ? 'client' : 'server',
    fingerprints: [description.fingerprint],
    iceUfrag: description.ufrag,
    icePwd: description.pwd,
  })
  return { transport, streams: streams.map(({ stream }) => stream) }
}

export type Report = Record<string, unknown> & { type: string; kind?: string }

/** All of `getStats` of the page's connection. */
export async function statsOf(page: Page): Promise<Report[]> {
  return page.evaluate(async () => {
    const { connection } = globalThis as unknown as { connection: RTCPeerConnection }
    const report = await connection.getStats()
    return [...report.values()]
  })
}

export function inbound(reports: Report[], kind: string): Report | undefined {
  return reports.find((r) => r.type === 'inbound-rtp' && r.kind === kind)
}

export function outbound(reports: Report[], kind: string): Report[] {
  return reports.filter((r) => r.type === 'outbound-rtp' && r.kind === kind)
}

export async function until<T>(
  what: string,
  seconds: number,
  probe: () => Promise<T | undefined | false>,
  detail: () => string = () => '',
): Promise<T> {
  const end = Date.now() + seconds * 1000
  for (;;) {
    const found = await probe()
    if (found) return found
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what} ${detail()}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
