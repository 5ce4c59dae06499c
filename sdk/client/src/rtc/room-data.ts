import type { RoomDataEvent, RoomDataFormat, RoomDataReceivers } from '@parley/contracts'
import { parseRoomData, roomDataLabels, serializeRoomData } from '@parley/protocols/room-data'
import { ParleyError } from '../parley-error.ts'

/** Bytes as they are, text as text, everything else as JSON; it arrives as the same. */
export type RoomDataContent = Uint8Array | ArrayBuffer | string | number | boolean | null | object

export interface SendDataOptions {
  /** Only these get it, on all their devices for users; absent: everybody else in the room. */
  to?: RoomDataReceivers
  /** True (default): it arrives, in order, up to 64 KiB. False: at once or not at all, up to 15 KiB; best below 1 KiB. */
  reliable?: boolean
  /** Tells kinds of messages apart. */
  topic?: string
}

/** A message as it arrived. `from` is absent when the application's server sent it. */
export interface ReceivedRoomData {
  data: unknown
  topic: string | undefined
  reliable: boolean
  from: { participantId: string; userId: string } | undefined
}

/** A message that the server did not send on. */
export interface RefusedRoomData {
  error: ParleyError
  topic: string | undefined
}

export interface RoomDataChannelsOptions {
  onMessage: (message: ReceivedRoomData) => void
  onMissed: (count: number) => void
  /** Of a lossy message, whose sending nobody waits for. */
  onRefused: (refused: RefusedRoomData) => void
}

interface Waiting {
  reliable: boolean
  topic: string | undefined
  resolve: (receivers: number) => void
  reject: (error: ParleyError) => void
  timer: ReturnType<typeof setTimeout> | undefined
}

type ChannelName = keyof typeof roomDataLabels

const openTimeoutMs = 15_000
const answerTimeoutMs = 15_000
/** What waits in the browser beyond this is not taken any more, or, when lossy, is lost. */
const mostBuffered = { reliable: 1_048_576, lossy: 65_536 } as const
/** Lossy messages whose refusal would still be told with their topic. */
const mostLossyRemembered = 256

/** The two data channels of a room, which the server opens on the subscribe connection, and what waits for them. */
export class RoomDataChannels {
  readonly #options: RoomDataChannelsOptions
  readonly #channels = new Map<ChannelName, RTCDataChannel>()
  readonly #waiting = new Map<number, Waiting>()
  readonly #openers = new Set<{ name: ChannelName; done: (error?: ParleyError) => void }>()
  #lastId = 0

  constructor(options: RoomDataChannelsOptions) {
    this.#options = options
  }

  /** A channel that the server opened. */
  attach(channel: RTCDataChannel): void {
    const name = (['reliable', 'lossy'] as const).find((each) => roomDataLabels[each] === channel.label)
    if (!name) return
    channel.binaryType = 'arraybuffer'
    this.#channels.set(name, channel)
    channel.addEventListener('message', ({ data }: MessageEvent) => {
      if (data instanceof ArrayBuffer) this.#take(new Uint8Array(data), name === 'reliable')
    })
    channel.addEventListener('close', () => {
      if (this.#channels.get(name) === channel) this.#channels.delete(name)
    })
    const opened = () => {
      for (const opener of [...this.#openers]) if (opener.name === name) opener.done()
    }
    if (channel.readyState === 'open') opened()
    else channel.addEventListener('open', opened)
  }

  /** Resolves with the number of receivers once the server has a reliable message, or when a lossy one has left. */
  async send(content: RoomDataContent, options: SendDataOptions): Promise<number | undefined> {
    const { to, reliable = true, topic } = options
    const name = reliable ? 'reliable' : 'lossy'
    const { format, payload } = encode(content)
    const id = ++this.#lastId
    const frame = serializeRoomData(
      { type: 'send', id, format, ...(topic !== undefined && { topic }), ...(to && { to }) },
      payload,
    )
    const channel = await this.#opened(name)
    if (channel.bufferedAmount + frame.length > mostBuffered[name]) {
      if (!reliable) return undefined
      throw new ParleyError('overloaded', 'Too much waits to be sent', { retryable: true })
    }
    const answered = reliable ? this.#answer(id, topic) : undefined
    if (!reliable) this.#remember(id, topic)
    try {
      channel.send(frame as Uint8Array<ArrayBuffer>)
    } catch (cause) {
      this.#settle(id)?.reject(
        new ParleyError('connection-lost', 'The data channel is gone', { cause, retryable: true }),
      )
    }
    return answered
  }

  /** The connection is gone; the next one brings channels of its own. */
  handleGone(error: ParleyError): void {
    this.#channels.clear()
    for (const id of [...this.#waiting.keys()]) this.#settle(id)?.reject(error)
  }

  close(error: ParleyError): void {
    this.handleGone(error)
    for (const opener of [...this.#openers]) opener.done(error)
  }

  #opened(name: ChannelName): Promise<RTCDataChannel> {
    return new Promise((resolve, reject) => {
      const look = (): RTCDataChannel | undefined => {
        const channel = this.#channels.get(name)
        return channel?.readyState === 'open' ? channel : undefined
      }
      const present = look()
      if (present) return resolve(present)
      const opener = {
        name,
        done: (error?: ParleyError) => {
          clearTimeout(timer)
          this.#openers.delete(opener)
          const channel = look()
          if (channel && !error) resolve(channel)
          else
            reject(
              error ?? new ParleyError('connection-lost', 'The data channel is gone', { retryable: true }),
            )
        },
      }
      const timer = setTimeout(
        () => opener.done(new ParleyError('timeout', 'There is no data channel', { retryable: true })),
        openTimeoutMs,
      )
      this.#openers.add(opener)
    })
  }

  #answer(id: number, topic: string | undefined): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id)
        reject(new ParleyError('timeout', 'The server did not answer', { retryable: true }))
      }, answerTimeoutMs)
      this.#waiting.set(id, { reliable: true, topic, resolve, reject, timer })
    })
  }

  #remember(id: number, topic: string | undefined): void {
    const reject = (error: ParleyError) => {
      if (error.code !== 'connection-lost' && error.code !== 'closed')
        this.#options.onRefused({ error, topic })
    }
    this.#waiting.set(id, { reliable: false, topic, resolve: () => undefined, reject, timer: undefined })
    for (const [old, { reliable }] of this.#waiting) {
      if (this.#waiting.size <= mostLossyRemembered) return
      if (!reliable) this.#waiting.delete(old)
    }
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    clearTimeout(waiting?.timer)
    this.#waiting.delete(id)
    return waiting
  }

  #take(bytes: Uint8Array, reliable: boolean): void {
    const { header, payload } = parseRoomData(bytes)
    const event = header as unknown as RoomDataEvent
    switch (event.type) {
      case 'message': {
        const { format, topic, from } = event
        this.#options.onMessage({ data: decode(format, payload), topic, reliable, from })
        return
      }
      case 'accepted':
        this.#settle(event.id)?.resolve(event.receivers)
        return
      case 'refused':
        this.#settle(event.id)?.reject(
          new ParleyError(event.code, event.detail, {
            retryable: event.retryAfterMs !== undefined,
            retryAfterMs: event.retryAfterMs,
          }),
        )
        return
      case 'missed':
        this.#options.onMissed(event.count)
    }
  }
}

function encode(content: RoomDataContent): { format: RoomDataFormat; payload: Uint8Array } {
  if (content instanceof Uint8Array) return { format: 'bytes', payload: content }
  if (content instanceof ArrayBuffer) return { format: 'bytes', payload: new Uint8Array(content) }
  const isText = typeof content === 'string'
  const payload = new TextEncoder().encode(isText ? content : JSON.stringify(content))
  return { format: isText ? 'text' : 'json', payload }
}

function decode(format: RoomDataFormat, payload: Uint8Array): unknown {
  if (format === 'bytes') return payload
  const text = new TextDecoder().decode(payload)
  return format === 'json' ? JSON.parse(text) : text
}
