import { KeyRing, Parley, type Room } from '../../src/index.ts'

/** What the page under test offers to the test, which runs outside of it. */
export interface TestPage {
  connect(url: string, token: string): Promise<void>
  readonly parley: Parley
  readonly rooms: Map<string, Room>
  readonly events: string[]
  /** Messages that arrived over data channels. */
  readonly data: TestData[]
  /** The token from the next connection on. */
  setToken(token: string): void
  /** Follows the events of a room by name. */
  watch(room: Room): void
  /** Keys of end-to-end encrypted rooms. */
  readonly keys: KeyRing
  /** Moving pictures of one colour (`#rrggbb`). */
  picture(color: string): MediaStreamTrack
  /** Shows the first video of a room that is received. */
  show(room: Room): void
  /** The colour in the middle of what is shown, as three numbers; undefined without a picture. */
  seenColor(roomId: string): Promise<number[] | undefined>
  /** Sound without pauses, which no encoder takes for silence. */
  tone(): MediaStreamTrack
  /** Sums a statistic of everything received of a kind and, if named, a source. */
  received(roomId: string, kind: 'audio' | 'video', fact: string, source?: string): Promise<number>
}

export interface TestData {
  from: string | undefined
  topic: string | undefined
  reliable: boolean
  /** Bytes as an array. */
  content: unknown
}

declare global {
  var page: TestPage
  /** Given by the test: the media port to send to instead of the server's, 0 for the server's own. */
  var mediaRelayPort: ((port: number) => Promise<number>) | undefined
}

let parley: Parley
const rooms = new Map<string, Room>()
const events: string[] = []
const data: TestData[] = []
let presentToken = ''
const shown = new Map<string, HTMLVideoElement>()

globalThis.page = {
  connect: async (url, token) => {
    presentToken = token
    parley = await Parley.connect({ url, getToken: () => presentToken })
  },
  get parley() {
    return parley
  },
  rooms,
  events,
  data,
  setToken: (token) => {
    presentToken = token
  },
  keys: new KeyRing(),
  picture: (color) => {
    const canvas = document.createElement('canvas')
    canvas.width = 640
    canvas.height = 480
    const surface = canvas.getContext('2d')
    let turn = 0
    setInterval(() => {
      if (surface === null) return
      surface.fillStyle = color
      surface.fillRect(0, 0, 640, 480)
      surface.fillStyle = '#fff'
      surface.fillRect((turn++ * 4) % 640, 0, 20, 20)
    }, 50)
    const [track] = canvas.captureStream(20).getVideoTracks()
    if (track === undefined) throw new Error('no picture')
    return track
  },
  show: (room) => {
    room.on('track-subscribed', ({ track }) => {
      if (track.kind !== 'video' || shown.has(room.id)) return
      const video = track.attach() as HTMLVideoElement
      shown.set(room.id, video)
      document.body.append(video)
    })
  },
  seenColor: async (roomId) => {
    const video = shown.get(roomId)
    if (video === undefined || video.videoWidth === 0) return undefined
    const canvas = new OffscreenCanvas(1, 1).getContext('2d')
    canvas?.drawImage(video, video.videoWidth / 2, video.videoHeight / 2, 1, 1, 0, 0, 1, 1)
    return [...(canvas?.getImageData(0, 0, 1, 1).data.slice(0, 3) ?? [])]
  },
  watch: (room) => {
    rooms.set(room.id, room)
    room.on('state', ({ status }) => events.push(`state ${status}`))
    room.on('participant-joined', ({ participant }) => events.push(`joined ${participant.userId}`))
    room.on('participant-left', ({ participant, reason }) =>
      events.push(`left ${participant.userId} ${reason}`),
    )
    room.on('track-subscribed', ({ publication }) => events.push(`subscribed ${publication.source}`))
    room.on('track-unsubscribed', ({ publication }) => events.push(`unsubscribed ${publication.source}`))
    room.on('data', ({ from, participant, topic, reliable, data: content }) =>
      data.push({
        ...{ from: participant?.userId ?? from?.userId, topic, reliable },
        content: content instanceof Uint8Array ? [...content] : content,
      }),
    )
    room.on('data-missed', ({ count }) => events.push(`missed ${count}`))
    room.on('data-refused', ({ error }) => events.push(`refused ${error.code}`))
    room.on('e2ee-state', ({ participant, publication, state }) =>
      events.push(`e2ee ${participant.userId} ${publication.kind} ${state}`),
    )
    room.on('closed', ({ reason }) => events.push(`closed ${reason}`))
  },
  tone: () => {
    const context = new AudioContext()
    const [tone, wobble, depth] = [
      context.createOscillator(),
      context.createOscillator(),
      context.createGain(),
    ]
    tone.type = 'sawtooth'
    wobble.frequency.value = 4
    depth.gain.value = 90
    wobble.connect(depth).connect(tone.frequency)
    const target = context.createMediaStreamDestination()
    tone.connect(target)
    tone.start()
    wobble.start()
    void context.resume()
    const [track] = target.stream.getAudioTracks()
    if (track === undefined) throw new Error('no sound')
    return track
  },
  received: async (roomId, kind, fact, source) => {
    let total = 0
    for (const participant of rooms.get(roomId)?.participants.values() ?? []) {
      for (const { track, ...publication } of facts(participant.publications.values())) {
        if (track?.kind !== kind || (source !== undefined && publication.source !== source)) continue
        const report = await track.receiver.getStats()
        report.forEach((record: Record<string, unknown>) => {
          if (record.type === 'inbound-rtp') total += Number(record[fact] ?? 0)
        })
      }
    }
    return total
  },
}

function facts(
  publications: Iterable<{ source: string; track: { kind: string; receiver: RTCRtpReceiver } | undefined }>,
) {
  return [...publications].map(({ source, track }) => ({ source, track }))
}

/** Lets a test stand between the browser and the media port: the candidates it learns are those of the relay. */
const apply = RTCPeerConnection.prototype.setRemoteDescription as (
  this: RTCPeerConnection,
  description: RTCSessionDescriptionInit,
) => Promise<void>
RTCPeerConnection.prototype.setRemoteDescription = async function (description: RTCSessionDescriptionInit) {
  const sdp = description.sdp ?? ''
  const port = Number(/a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+)/.exec(sdp)?.[1] ?? 0)
  const relay = port === 0 ? 0 : ((await globalThis.mediaRelayPort?.(port)) ?? 0)
  if (relay === 0) return apply.call(this, description)
  const rerouted = sdp
    .replaceAll(/^(a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1) \d+/gm, `$1 ${relay}`)
    .replaceAll(/^a=candidate:\S+ 1 tcp .*\r\n/gm, '')
  return apply.call(this, { type: description.type, sdp: rerouted })
}
