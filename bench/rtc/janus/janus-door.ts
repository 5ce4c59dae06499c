import { randomUUID } from 'node:crypto'
import { WebSocket } from 'ws'
import type { Door, DoorAddress, Negotiation } from '../load/door.ts'

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
  error?: { code: number; reason: string }
}

const keepAliveMs = 20_000

/** The videoroom plugin over one WebSocket and session; a handle for each peer. */
export class JanusDoor implements Door {
  readonly #roomId: number
  readonly #socket: WebSocket
  readonly #waiting = new Map<string, { resolve(reply: Reply): void; reject(error: Error): void }>()
  readonly #timer: NodeJS.Timeout
  #session = 0

  private constructor(socket: WebSocket, roomId: number) {
    this.#socket = socket
    this.#roomId = roomId
    socket.on('message', (data) => this.#take(JSON.parse(String(data)) as Reply))
    this.#timer = setInterval(() => this.#tell({ janus: 'keepalive' }), keepAliveMs)
  }

  static async open({ url, roomId }: Extract<DoorAddress, { kind: 'janus' }>): Promise<JanusDoor> {
    const socket = new WebSocket(url, 'janus-protocol')
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    const door = new JanusDoor(socket, roomId)
    const { data } = await door.#ask({ janus: 'create' })
    door.#session = data?.id ?? 0
    return door
  }

  /** Makes the room: no limit of bitrate, no recording, no extras that cost. */
  async createRoom(): Promise<void> {
    const handle = await this.#attach()
    await this.#message(handle, {
      ...{ request: 'create', room: this.#roomId, publishers: 6, bitrate: 0, notify_joining: false },
      ...{ audiocodec: 'opus', videocodec: 'vp8', audiolevel_event: false, require_pvtid: false },
    })
  }

  async publish(peer: Negotiation): Promise<void> {
    const handle = await this.#attach()
    await this.#message(handle, { request: 'join', ptype: 'publisher', room: this.#roomId, id: 1 })
    const offer: Jsep = { type: 'offer', sdp: await peer.offer() }
    const { jsep } = await this.#message(handle, { request: 'publish' }, offer)
    if (jsep === undefined) throw new Error('janus did not answer the publisher')
    peer.accept(jsep.sdp)
  }

  async play(peer: Negotiation): Promise<() => Promise<void>> {
    const handle = await this.#attach()
    const { jsep } = await this.#message(handle, {
      ...{ request: 'join', ptype: 'subscriber', room: this.#roomId, streams: [{ feed: 1 }] },
    })
    if (jsep === undefined) throw new Error('janus made no offer')
    const answer: Jsep = { type: 'answer', sdp: await peer.answer(jsep.sdp) }
    await this.#message(handle, { request: 'start', room: this.#roomId }, answer)
    return async () => {
      await this.#ask({ janus: 'detach', handle_id: handle })
    }
  }

  close(): void {
    clearInterval(this.#timer)
    this.#socket.terminate()
  }

  async #attach(): Promise<number> {
    const { data } = await this.#ask({ janus: 'attach', plugin: 'janus.plugin.videoroom' })
    return data?.id ?? 0
  }

  async #message(handle: number, body: object, jsep?: Jsep): Promise<Reply> {
    const reply = await this.#ask({ janus: 'message', handle_id: handle, body, ...(jsep && { jsep }) })
    const { error } = reply.plugindata?.data ?? {}
    if (error !== undefined) throw new Error(`janus: ${JSON.stringify(reply.plugindata?.data)}`)
    return reply
  }

  #tell(message: object): string {
    const transaction = randomUUID()
    const session = this.#session === 0 ? {} : { session_id: this.#session }
    this.#socket.send(JSON.stringify({ ...session, ...message, transaction }))
    return transaction
  }

  #ask(message: object): Promise<Reply> {
    const transaction = this.#tell(message)
    return new Promise((resolve, reject) => this.#waiting.set(transaction, { resolve, reject }))
  }

  /** What a plugin does takes a while: first comes an ack, then the event that answers. */
  #take(reply: Reply): void {
    const { transaction = '', janus, error } = reply
    if (janus === 'ack') return
    const waiting = this.#waiting.get(transaction)
    this.#waiting.delete(transaction)
    if (error === undefined) waiting?.resolve(reply)
    else waiting?.reject(new Error(`janus: ${error.code} ${error.reason}`))
  }
}
