import { realtimePath, realtimeSubprotocol } from '@parley/contracts'
import type { Destination, LoadClient, LoadEvents } from '../load/target.ts'
import { eachNumber, numberedText, readDigits } from '../load/text.ts'
import { WebSocketLink } from '../load/websocket-link.ts'

const answerMark = Buffer.from('"re":')
const refusalMark = Buffer.from(',"error":')
const quote = 0x22

export interface ParleyConnectOptions {
  url: string
  token: string
  userId: string
  events: LoadEvents
}

/**
 * A realtime connection that costs the generator little: answers to sends and deliveries are found in the bytes of a
 * frame; only answers to other requests are parsed.
 */
export class ParleyClient implements LoadClient {
  readonly userId: string
  readonly #events: LoadEvents
  readonly #waiting = new Map<string, { resolve(ok: unknown): void; reject(error: Error): void }>()
  #link: WebSocketLink | undefined
  #nextId = 1
  #closing = false

  private constructor({ userId, events }: ParleyConnectOptions) {
    this.userId = userId
    this.#events = events
  }

  static async connect(options: ParleyConnectOptions): Promise<ParleyClient> {
    const client = new ParleyClient(options)
    const { hostname, port } = new URL(options.url)
    const target = { host: hostname === 'localhost' ? '127.0.0.1' : hostname, port: Number(port) }
    client.#link = await WebSocketLink.open(
      { ...target, path: realtimePath, protocol: realtimeSubprotocol },
      { onText: (payload) => client.#take(payload), onClosed: () => client.#ended() },
    )
    await client.request('auth', { token: options.token, device: { id: 'load', platform: 'server' } })
    return client
  }

  send(destination: Destination, number: number): void {
    const where =
      'userId' in destination
        ? `"toUserId":"${destination.userId}"`
        : `"conversationId":"${destination.groupId}"`
    this.#link?.send(
      `{"id":${number},"type":"message.send",${where},"clientMessageId":"load-${number}",` +
        `"content":{"type":"text","text":"${numberedText(number)}"}}`,
    )
  }

  /** Says something in a chat room that the connection has joined. */
  say(chatRoomId: string, number: number, priority: 'high' | 'normal'): void {
    this.#link?.send(
      `{"id":${number},"type":"chatroom.send","chatRoomId":"${chatRoomId}","priority":"${priority}",` +
        `"content":{"type":"text","text":"${numberedText(number)}"}}`,
    )
  }

  /** Asks something and parses the answer. */
  request<Answer>(type: string, body: object): Promise<Answer> {
    const id = `q${this.#nextId++}`
    return new Promise<Answer>((resolve, reject) => {
      this.#waiting.set(id, { resolve: (ok) => resolve(ok as Answer), reject })
      this.#link?.send(JSON.stringify({ id, type, ...body }))
    })
  }

  close(): void {
    this.#closing = true
    this.#link?.terminate()
  }

  #take(payload: Buffer): void {
    for (let at = payload.indexOf(answerMark); at !== -1; at = payload.indexOf(answerMark, at + 5)) {
      if (payload[at + 5] === quote) {
        this.#takeParsed(payload)
        return
      }
      const number = readDigits(payload, at + 5, at + 16)
      const end = at + 5 + String(number).length
      if (payload.subarray(end, end + refusalMark.length).equals(refusalMark)) {
        const code = /"code":"([^"]*)"/.exec(payload.toString('latin1', end, end + 200))?.[1]
        this.#events.rejected(code ?? 'error')
      } else this.#events.acked(number)
    }
    eachNumber(payload, (number) => this.#events.delivered(number))
  }

  #takeParsed(payload: Buffer): void {
    const frame = JSON.parse(payload.toString()) as unknown
    for (const item of Array.isArray(frame) ? frame : [frame]) this.#takeItem(item as AnswerOrEvent)
  }

  #takeItem({ re, ok, error, message }: AnswerOrEvent): void {
    if (typeof re === 'number') {
      if (error === undefined) this.#events.acked(re)
      else this.#events.rejected(error.code)
    } else if (typeof re === 'string') {
      const waiting = this.#waiting.get(re)
      this.#waiting.delete(re)
      if (error === undefined) waiting?.resolve(ok)
      else waiting?.reject(new Error(`${error.code}: ${error.detail}`))
    } else if (message?.content?.text !== undefined) {
      eachNumber(Buffer.from(message.content.text), (number) => this.#events.delivered(number))
    }
  }

  #ended(): void {
    for (const { reject } of this.#waiting.values()) reject(new Error('the connection was closed'))
    this.#waiting.clear()
    if (!this.#closing) this.#events.lost(this.userId)
  }
}

interface AnswerOrEvent {
  re?: string | number
  ok?: unknown
  error?: { code: string; detail: string }
  message?: { content?: { text?: string } }
}
