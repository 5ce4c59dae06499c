import { Parley, type Room } from '@parley/client'
import { pictureTrack, soundTrack } from '../browser/tracks.ts'

/** When things happened to the member of this page, on `Date.now()`. */
export interface Arrival {
  beganMs: number
  joinedMs?: number
  /** When a connection of it was up for the first time: by ICE alone, and with DTLS. */
  iceMs?: number
  connectedMs?: number
  /** Peer connections it made. */
  connections: number
  soundMs?: number
  pictureMs?: number
  error?: string
}

export interface ConnectingPage {
  /** Begins to join and comes back at once. */
  begin(url: string, token: string, roomId: string, publish: 'sound' | 'picture' | undefined): void
  arrival(): Arrival
}

declare global {
  var connectingPage: ConnectingPage
}

/** Those the client makes. */
const connections: RTCPeerConnection[] = []
const Native = RTCPeerConnection
globalThis.RTCPeerConnection = class extends Native {
  constructor(configuration?: RTCConfiguration) {
    super(configuration)
    connections.push(this)
  }
}

const arrival: Arrival = { beganMs: 0, connections: 0 }
let room: Room | undefined

async function look(): Promise<void> {
  arrival.connections = connections.length
  for (const connection of connections) {
    if (['connected', 'completed'].includes(connection.iceConnectionState)) arrival.iceMs ??= Date.now()
    if (connection.connectionState === 'connected') arrival.connectedMs ??= Date.now()
  }
  for (const participant of room?.participants.values() ?? []) {
    for (const { track } of participant.publications.values()) {
      for (const report of (await track?.receiver.getStats())?.values() ?? []) {
        if (report.type !== 'inbound-rtp') continue
        if (report.kind === 'audio' && report.packetsReceived > 0) arrival.soundMs ??= Date.now()
        if (report.kind === 'video' && report.framesDecoded > 0) arrival.pictureMs ??= Date.now()
      }
    }
  }
}

async function join(...[url, token, roomId, publish]: Parameters<ConnectingPage['begin']>): Promise<void> {
  const parley = await Parley.connect({ url, getToken: () => token })
  arrival.beganMs = Date.now()
  setInterval(() => void look(), 20)
  room = await parley.rtc.join(roomId, {
    ...(publish && { audio: soundTrack() }),
    ...(publish === 'picture' && { video: pictureTrack() }),
  })
  arrival.joinedMs = Date.now()
  room.on('track-subscribed', ({ track }) => {
    if (track.kind === 'video') document.body.append(track.attach())
  })
}

globalThis.connectingPage = {
  begin: (...what) => {
    join(...what).catch((error: unknown) => {
      arrival.error = String(error)
    })
  },
  arrival: () => arrival,
}
