interface Jsep {
  type: 'offer' | 'answer'
  sdp: string
}

interface Reply {
  janus: string
  transaction?: string
  data?: { id: number }
  plugindata?: { data: Record<string, unknown> }
  jsep?: Jsep
  error?: { reason: string }
}

/** The videoroom as a page uses it: one WebSocket, one session, one handle. */
class JanusRoom {
  readonly #socket: WebSocket
  readonly #waiting = new Map<string, (reply: Reply) => void>()
  #ids: { session_id?: number; handle_id?: number } = {}

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const reply = JSON.parse(String(data)) as Reply
      // What a plugin does takes a while: first comes an ack, then the event that answers.
      if (reply.janus !== 'ack') this.#waiting.get(reply.transaction ?? '')?.(reply)
    })
    setInterval(() => this.#send({ janus: 'keepalive' }, 'keepalive'), 20_000)
  }

  static async open(url: string): Promise<JanusRoom> {
    const socket = new WebSocket(url, 'janus-protocol')
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve)
      socket.addEventListener('error', reject)
    })
    const room = new JanusRoom(socket)
    const session = await room.#ask({ janus: 'create' })
    room.#ids = { session_id: session.data?.id ?? 0 }
    const handle = await room.#ask({ janus: 'attach', plugin: 'janus.plugin.videoroom' })
    room.#ids = { ...room.#ids, handle_id: handle.data?.id ?? 0 }
    return room
  }

  message(body: object, jsep?: RTCSessionDescriptionInit): Promise<Reply> {
    return this.#ask({ janus: 'message', body, ...(jsep && { jsep }) })
  }

  #ask(message: object): Promise<Reply> {
    const transaction = crypto.randomUUID()
    return new Promise((resolve, reject) => {
      this.#waiting.set(transaction, (reply) => {
        this.#waiting.delete(transaction)
        const refused = reply.error?.reason ?? reply.plugindata?.data.error
        if (refused === undefined) resolve(reply)
        else reject(new Error(`janus: ${String(refused)}`))
      })
      this.#send(message, transaction)
    })
  }

  #send(message: object, transaction: string): void {
    this.#socket.send(JSON.stringify({ ...this.#ids, ...message, transaction }))
  }
}

/** As the client SDK does it: RED first where there is RED. */
function preferRed(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpReceiver.getCapabilities('audio')?.codecs ?? []
  const isRed = ({ mimeType }: RTCRtpCodec): boolean => mimeType === 'audio/red'
  transceiver.setCodecPreferences([...codecs.filter(isRed), ...codecs.filter((codec) => !isRed(codec))])
}

/** Publishes with the encodings of the client SDK, so that both servers get the same. */
export async function publishToJanus(
  url: string,
  roomId: number,
  tracks: readonly MediaStreamTrack[],
  encodings: readonly RTCRtpEncodingParameters[],
): Promise<void> {
  const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
  for (const track of tracks) {
    const transceiver = connection.addTransceiver(track, {
      direction: 'sendonly',
      ...(track.kind === 'video' && { sendEncodings: [...encodings] }),
    })
    if (track.kind === 'audio') preferRed(transceiver)
  }
  const room = await JanusRoom.open(url)
  await room.message({ request: 'create', room: roomId, publishers: 6, bitrate: 0, videocodec: 'vp8' })
  await room.message({ request: 'join', ptype: 'publisher', room: roomId, id: 1 })
  await connection.setLocalDescription()
  const { jsep } = await room.message({ request: 'publish' }, local(connection))
  if (jsep === undefined) throw new Error('janus did not answer')
  await connection.setRemoteDescription(jsep)
}

const mostAttempts = 20
const betweenAttemptsMs = 500

/** Plays what the publisher sends; answers the connection. */
export async function playFromJanus(
  url: string,
  roomId: number,
  onTrack: (track: MediaStreamTrack) => void,
): Promise<RTCPeerConnection> {
  const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
  connection.addEventListener('track', ({ track }) => onTrack(track))
  const room = await JanusRoom.open(url)
  const join = { request: 'join', ptype: 'subscriber', room: roomId, streams: [{ feed: 1 }] }
  let joined = await room.message(join).catch(() => undefined)
  // There is nothing to play until the publisher is connected, which a bad network delays.
  for (let attempt = 0; joined === undefined && attempt < mostAttempts; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, betweenAttemptsMs))
    joined = await room.message(join).catch(() => undefined)
  }
  const { jsep } = joined ?? {}
  if (jsep === undefined) throw new Error('janus made no offer')
  await connection.setRemoteDescription(jsep)
  await connection.setLocalDescription()
  await room.message({ request: 'start', room: roomId }, local(connection))
  return connection
}

/** Without the page's own addresses: janus would send to them, past the network in between. */
function local({ localDescription }: RTCPeerConnection): RTCSessionDescriptionInit {
  if (localDescription === null) throw new Error('nothing to tell')
  const { type, sdp } = localDescription
  return { type, sdp: sdp.replaceAll(/^a=candidate:.*\r\n/gm, '') }
}
