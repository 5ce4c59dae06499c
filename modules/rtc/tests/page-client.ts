/** What the page offers to the test. */
export interface PageCall {
  join(options: JoinOptions): Promise<void>
  /** `small`: one small picture instead of three layers, where many browsers share a machine. */
  publish(what: { camera?: boolean; screen?: boolean; small?: boolean; maxBitrate?: number }): Promise<void>
  mute(source: string, muted: boolean): Promise<void>
  cutSocket(): void
  restartIce(): Promise<void>
  request(type: string, body: Record<string, unknown>): Promise<Record<string, unknown>>
  stats(which: 'publish' | 'subscribe'): Promise<Record<string, unknown>[]>
  /** Milliseconds from join to the first decoded frame. */
  firstFrameMs(): number | undefined
  joined: Record<string, unknown>
  events: Record<string, unknown>[]
  iceStates(): string[]
  tracks: Map<string, { mid: string; publicationId: string; participantId: string }>
}

export interface JoinOptions {
  url: string
  token: string
  roomId: string
  device: string
  /** Media through TURN servers only. */
  relayOnly?: boolean
  /** Of the server's candidates only those with this pattern after the component. */
  onlyCandidates?: string
}

declare global {
  var call: PageCall
  /** Given by the test: the port to send to instead of the server's, 0 for the server's own. */
  var relayPort: (port: number) => Promise<number>
}

/** Runs in the page: the smallest client of the signalling, with what the browser offers and nothing else. */
export function installPageClient(): void {
  let options: JoinOptions = { url: '', token: '', roomId: '', device: '' }
  let socket: WebSocket | undefined
  let lastId = 0
  let joinedAt = 0
  let firstFrameAt: number | undefined
  const pending = new Map<
    number,
    { resolve: (ok: Record<string, unknown>) => void; reject: (error: Error) => void }
  >()
  const events: Record<string, unknown>[] = []
  const tracks = new Map<string, { mid: string; publicationId: string; participantId: string }>()
  const sources = new Map<string, string>()
  const published = new Map<string, string>()
  let publisher: RTCPeerConnection | undefined
  let subscriber: RTCPeerConnection | undefined
  let answering: Promise<void> = Promise.resolve()

  const reroute = async (sdp: string): Promise<string> => {
    const { onlyCandidates } = options
    if (onlyCandidates !== undefined) {
      const wanted = new RegExp(`^a=candidate:\\S+ 1 ${onlyCandidates}`)
      const kept = sdp.split('\r\n').filter((line) => !line.startsWith('a=candidate:') || wanted.test(line))
      return kept.join('\r\n')
    }
    const port = Number(/a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+)/.exec(sdp)?.[1])
    const other = await globalThis.relayPort(port)
    if (other === 0) return sdp
    const lines = sdp.split('\r\n').filter((line) => !line.startsWith('a=candidate:'))
    const at = lines.indexOf('a=end-of-candidates')
    lines.splice(at, 0, `a=candidate:1 1 udp 2130706431 127.0.0.1 ${other} typ host`)
    return lines.join('\r\n')
  }

  const request = (type: string, body: Record<string, unknown>) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      const id = ++lastId
      pending.set(id, { resolve, reject })
      socket?.send(JSON.stringify({ id, type, ...body }))
    })

  const newConnection = (): RTCPeerConnection =>
    new RTCPeerConnection({
      iceServers: (globalThis.call.joined.iceServers as RTCIceServer[] | undefined) ?? [],
      iceTransportPolicy: options.relayOnly === true ? 'relay' : 'all',
    })

  const show = (event: RTCTrackEvent): void => {
    const element = document.createElement(event.track.kind) as HTMLVideoElement
    element.autoplay = true
    element.srcObject = new MediaStream([event.track])
    element.addEventListener('loadeddata', () => {
      if (event.track.kind === 'video') firstFrameAt ??= performance.now()
    })
    document.body.append(element)
    void element.play().catch(() => undefined)
  }

  const answerOffer = async (offer: Record<string, unknown>): Promise<void> => {
    if (subscriber === undefined) {
      subscriber = newConnection()
      subscriber.ontrack = show
    }
    tracks.clear()
    for (const track of offer.tracks as { mid: string; publicationId: string; participantId: string }[]) {
      tracks.set(track.publicationId, track)
    }
    await subscriber.setRemoteDescription({ type: 'offer', sdp: await reroute(String(offer.sdp)) })
    await subscriber.setLocalDescription()
    const { roomId } = options
    const sdp = subscriber.localDescription?.sdp ?? ''
    await request('rtc.subscribe-answer', { roomId, version: offer.version, sdp }).catch((error: Error) => {
      events.push({ type: 'answer-refused', detail: error.message })
    })
  }

  const receive = (item: Record<string, unknown>): void => {
    if (typeof item.type === 'string') {
      events.push(item)
      if (item.type === 'rtc.subscribe-offer') answering = answering.then(() => answerOffer(item))
      return
    }
    const waiting = pending.get(Number(item.re))
    pending.delete(Number(item.re))
    if (item.error !== undefined) waiting?.reject(new Error(JSON.stringify(item.error)))
    else waiting?.resolve(item.ok as Record<string, unknown>)
  }

  const connect = async (participantId?: string): Promise<void> => {
    socket = new WebSocket(`${options.url.replace(/^http/, 'ws')}/v1/realtime`, ['parley.v1'])
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(String(data)) as Record<string, unknown> | Record<string, unknown>[]
      for (const item of Array.isArray(frame) ? frame : [frame]) receive(item)
    }
    await new Promise((resolve) => socket?.addEventListener('open', resolve))
    const { token, device, roomId } = options
    await request('auth', { token, device: { id: device, platform: 'web' } })
    globalThis.call.joined = await request('rtc.join', { roomId, ...(participantId && { participantId }) })
  }

  const negotiate = async (restart: boolean): Promise<void> => {
    if (publisher === undefined) return
    await publisher.setLocalDescription(await publisher.createOffer({ iceRestart: restart }))
    const publications = publisher
      .getTransceivers()
      .filter(({ sender }) => sender.track)
      .map(({ mid, sender }) => ({
        mid: mid ?? '',
        kind: sender.track?.kind ?? 'video',
        source: sources.get(sender.track?.id ?? '') ?? 'custom',
      }))
    const { roomId } = options
    const sdp = publisher.localDescription?.sdp ?? ''
    const answer = await request('rtc.publish', { roomId, sdp, publications })
    for (const { mid, id } of answer.publications as { mid: string; id: string }[]) {
      const source = publications.find((one) => one.mid === mid)?.source
      if (source !== undefined) published.set(source, id)
    }
    await publisher.setRemoteDescription({ type: 'answer', sdp: await reroute(String(answer.sdp)) })
  }

  globalThis.call = {
    joined: {},
    events,
    tracks,
    request,
    join: async (given) => {
      options = given
      joinedAt = performance.now()
      await connect()
    },
    publish: async ({ camera, screen, small, maxBitrate = 1_500_000 }) => {
      publisher ??= newConnection()
      if (camera) {
        const stream = await navigator.mediaDevices.getUserMedia({
          audio: true,
          video: small ? { width: 320, height: 180 } : { width: 1280, height: 720 },
        })
        for (const track of stream.getTracks()) {
          sources.set(track.id, track.kind === 'audio' ? 'microphone' : 'camera')
          const sendEncodings = [
            { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
            { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
            { rid: 'f', maxBitrate },
          ]
          publisher.addTransceiver(track, {
            direction: 'sendonly',
            ...(track.kind === 'video' && !small && { sendEncodings }),
          })
        }
      }
      if (screen) {
        const stream = await navigator.mediaDevices.getDisplayMedia({ video: true })
        for (const track of stream.getVideoTracks()) {
          sources.set(track.id, 'screen')
          publisher.addTransceiver(track, {
            direction: 'sendonly',
            sendEncodings: [{ maxBitrate: 2_500_000 }],
          })
        }
      }
      await negotiate(false)
    },
    mute: async (source, muted) => {
      await request('rtc.mute', { roomId: options.roomId, publicationId: published.get(source) ?? '', muted })
    },
    cutSocket: () => {
      const { participantId } = globalThis.call.joined
      socket?.close()
      void connect(String(participantId))
    },
    restartIce: async () => {
      await negotiate(true)
      if (subscriber !== undefined) await request('rtc.restart-subscribe', { roomId: options.roomId })
    },
    stats: async (which) => {
      const connection = which === 'publish' ? publisher : subscriber
      return connection === undefined ? [] : [...(await connection.getStats()).values()]
    },
    firstFrameMs: () => (firstFrameAt === undefined ? undefined : firstFrameAt - joinedAt),
    iceStates: () => [publisher, subscriber].map((connection) => connection?.iceConnectionState ?? 'none'),
  }
}
