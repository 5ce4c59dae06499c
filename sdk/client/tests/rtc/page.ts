import { Parley, type Room } from '../../src/index.ts'

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
    room.on('closed', ({ reason }) => events.push(`closed ${reason}`))
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
