import type { Page } from 'playwright-core'
import type { EgressStream, FastpathWorker, IngressTrack, Transport } from '../src/index.ts'
import {
  ingressPayloads,
  keptPayloads,
  readSdp,
  type Section,
  samePayloads,
  type Wanted,
  writeSdp,
} from './browser-call.ts'

/** What was seen of one painted picture. */
export type Shown = {
  atMs: number
  /** Its number as painted; undefined: the code could not be read. */
  number: number | undefined
  width: number
  /** Of all fields, the largest difference of a colour channel from what was painted, 0 to 255. */
  worst: number
  /** A channel in the middle of each field and of each cell of the code: equal frames have equal samples. */
  samples: number[]
}

export type PaintedPage = {
  paint(size: { width: number; height: number; everyMs: number }): MediaStreamTrack
  watch(track: MediaStreamTrack, name: string): void
  take(name: string): Shown[]
  /** When pictures were painted, since the last call. */
  painted(): number[]
}

declare global {
  var painted: PaintedPage
}

/** Runs in the page: pictures that say which they are, and whose every field has a colour that follows from that. */
export function installPainting(): void {
  const codeBits = 16
  const [columns, rows] = [8, 4]
  const palette = [
    [235, 235, 235],
    [20, 20, 20],
    [210, 40, 40],
    [40, 170, 60],
    [50, 70, 210],
    [220, 190, 50],
    [190, 60, 190],
    [60, 190, 200],
  ] as const
  // Each field changes each sixteenth picture, so that two of them do in each: what is left of an older one shows.
  const colourOf = (number: number, field: number) =>
    palette[(Math.floor((number + field * 5) / 16) * 3 + field) % palette.length] ?? palette[0]
  const codeHeight = 1 / 6
  const seen = new Map<string, Shown[]>()
  const paintedAt: number[] = []

  const paint: PaintedPage['paint'] = ({ width, height, everyMs }) => {
    const canvas = document.createElement('canvas')
    canvas.width = width
    canvas.height = height
    const surface = canvas.getContext('2d')
    let number = 0
    setInterval(() => {
      if (surface === null) return
      number += 1
      paintedAt.push(performance.timeOrigin + performance.now())
      const cell = width / (codeBits + 2)
      // One cell changes at a time: encoders take neighbours that swap their colours for a movement, and leave both.
      const gray = number ^ (number >> 1)
      // The first and the last cell are fixed: one of them is wrong in a picture that is no picture of ours.
      for (let bit = 0; bit < codeBits + 2; bit++) {
        const on = bit === 0 || (bit <= codeBits && (gray >> (bit - 1)) & 1)
        surface.fillStyle = on ? '#fff' : '#000'
        surface.fillRect(bit * cell, 0, cell + 1, height * codeHeight)
      }
      const [w, h] = [width / columns, (height * (1 - codeHeight)) / rows]
      for (let field = 0; field < columns * rows; field++) {
        surface.fillStyle = `rgb(${colourOf(number, field).join(' ')})`
        surface.fillRect(
          (field % columns) * w,
          height * codeHeight + Math.floor(field / columns) * h,
          w + 1,
          h + 1,
        )
      }
    }, everyMs)
    const [track] = canvas.captureStream(1000 / everyMs).getVideoTracks()
    if (track === undefined) throw new Error('no picture')
    return track
  }

  const small = new OffscreenCanvas(288, 162)
  const reader = small.getContext('2d', { willReadFrequently: true })
  const look = (frame: VideoFrame): Shown => {
    const atMs = performance.timeOrigin + performance.now()
    const samples: number[] = []
    const nothing = { atMs, number: undefined, width: frame.displayWidth, worst: 255, samples }
    if (reader === null) return nothing
    reader.drawImage(frame, 0, 0, small.width, small.height)
    const { data } = reader.getImageData(0, 0, small.width, small.height)
    const pixel = (x: number, y: number, channel: number) =>
      data[(Math.floor(y) * small.width + Math.floor(x)) * 4 + channel] ?? 0
    let gray = 0
    const cell = small.width / (codeBits + 2)
    for (let bit = 0; bit < codeBits + 2; bit++) {
      const sample = pixel((bit + 0.5) * cell, (small.height * codeHeight) / 2, 1)
      samples.push(sample)
      const on = sample > 127
      if (bit === 0 && !on) return nothing
      if (bit === codeBits + 1 && on) return nothing
      if (bit > 0 && bit <= codeBits && on) gray |= 1 << (bit - 1)
    }
    let number = 0
    for (let rest = gray; rest > 0; rest >>= 1) number ^= rest
    let worst = 0
    const [w, h] = [small.width / columns, (small.height * (1 - codeHeight)) / rows]
    for (let field = 0; field < columns * rows; field++) {
      const [x, y] = [((field % columns) + 0.5) * w, (Math.floor(field / columns) + 0.5) * h]
      colourOf(number, field).forEach((wanted, channel) => {
        const got = pixel(x, small.height * codeHeight + y, channel)
        if (channel === 1) samples.push(got)
        worst = Math.max(worst, Math.abs(got - wanted))
      })
    }
    return { atMs, number, width: frame.displayWidth, worst, samples }
  }

  globalThis.painted = {
    paint,
    watch: (track, name) => {
      const list: Shown[] = []
      seen.set(name, list)
      type Processor = new (options: { track: MediaStreamTrack }) => { readable: ReadableStream<VideoFrame> }
      const { MediaStreamTrackProcessor } = globalThis as unknown as { MediaStreamTrackProcessor: Processor }
      const frames = new MediaStreamTrackProcessor({ track }).readable.getReader()
      const next = async (): Promise<void> => {
        const { value, done } = await frames.read()
        if (done || value === undefined) return
        list.push(look(value))
        value.close()
        return next()
      }
      void next()
    },
    take: (name) => seen.get(name)?.splice(0) ?? [],
    painted: () => paintedAt.splice(0),
  }
}

export type PaintedPublication = { transport: Transport; track: IngressTrack; section: Section }

/** Publishes the painted pictures of a page into the worker. */
export async function publishPainted(
  worker: FastpathWorker,
  page: Page,
  options: {
    codec: string
    encodings: RTCRtpEncodingParameters[]
    size: { width: number; height: number; everyMs: number }
  },
): Promise<PaintedPublication> {
  const { codec, encodings, size } = options
  await page.evaluate(installPainting)
  const offer = await page.evaluate(
    async ({ codec, encodings, size }) => {
      const connection = new RTCPeerConnection()
      Object.assign(globalThis, { connection })
      const transceiver = connection.addTransceiver(globalThis.painted.paint(size), {
        direction: 'sendonly',
        sendEncodings: encodings,
      })
      const codecs = RTCRtpSender.getCapabilities('video')?.codecs ?? []
      const wanted = codecs.filter(({ mimeType }) =>
        [`video/${codec}`, 'video/rtx'].includes(mimeType.toLowerCase()),
      )
      transceiver.setCodecPreferences(wanted)
      await connection.setLocalDescription()
      return connection.localDescription?.sdp ?? ''
    },
    { codec, encodings, size },
  )
  const description = readSdp(offer)
  const [section] = description.sections
  if (section === undefined) throw new Error('no section')
  const transport = worker.createTransport()
  transport.setRemote({
    dtlsRole: 'server',
    fingerprints: [description.fingerprint],
    iceUfrag: description.ufrag,
    icePwd: description.pwd,
  })
  const track = transport.createTrack({
    kind: 'video',
    mid: section.mid,
    extensions: section.extensions,
    payloads: ingressPayloads(keptPayloads(section, [codec])),
    ...(section.rids.length ? { layers: section.rids.map((rid) => ({ rid })) } : {}),
  })
  const lines = section.rids.length
    ? [...section.rids.map((rid) => `a=rid:${rid} recv`), `a=simulcast:recv ${section.rids.join(';')}`]
    : []
  const answer = writeSdp(worker, transport, 'passive', [
    { section, codecs: [codec], direction: 'recvonly', lines },
  ])
  await page.evaluate(async (sdp) => {
    const { connection } = globalThis as unknown as { connection: RTCPeerConnection }
    await connection.setRemoteDescription({ type: 'answer', sdp })
  }, answer)
  return { transport, track, section }
}

/** One page sees the publication several times, by the names given. */
export async function subscribePainted(
  worker: FastpathWorker,
  page: Page,
  published: PaintedPublication,
  codec: string,
  names: readonly string[],
): Promise<Map<string, EgressStream>> {
  await page.evaluate(installPainting)
  const transport = worker.createTransport({ reportRtcp: true, reportSent: true })
  const streams = new Map<string, EgressStream>()
  const wanted = names.map((name): Wanted => {
    const section = { ...published.section, mid: name }
    const stream = transport.createStream(published.track, {
      kind: 'video',
      mid: name,
      extensions: section.extensions,
      payloads: samePayloads(ingressPayloads(keptPayloads(section, [codec]))),
      cname: name,
    })
    streams.set(name, stream)
    const sources = [stream.ssrc, stream.rtxSsrc]
    const lines = [
      `a=msid:${name} ${name}`,
      ...sources.map((ssrc) => `a=ssrc:${ssrc} cname:${name}`),
      `a=ssrc-group:FID ${sources.join(' ')}`,
    ]
    return { section, codecs: [codec], direction: 'sendonly', lines }
  })
  const answer = await page.evaluate(
    async (sdp) => {
      const connection = new RTCPeerConnection()
      Object.assign(globalThis, { connection })
      connection.ontrack = ({ track, transceiver }) => {
        // A track without a sink is not decoded.
        const element = document.createElement('video')
        element.muted = true
        element.srcObject = new MediaStream([track])
        document.body.append(element)
        void element.play()
        globalThis.painted.watch(track, transceiver.mid ?? '')
      }
      await connection.setRemoteDescription({ type: 'offer', sdp })
      await connection.setLocalDescription()
      return connection.localDescription?.sdp ?? ''
    },
    writeSdp(worker, transport, 'actpass', wanted),
  )
  const description = readSdp(answer)
  transport.setRemote({
    dtlsRole: /a=setup:passive/.test(answer) ? 'client' : 'server',
    fingerprints: [description.fingerprint],
    iceUfrag: description.ufrag,
    icePwd: description.pwd,
  })
  return streams
}
