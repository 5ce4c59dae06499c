import type { Duplex } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

const aliveEveryMs = 1_000
/** A process that says nothing for so long is gone: its machine, or the way there. */
const silentMs = 5_000
/** A line holds one message, of which lists of thousands of participants are the longest. */
const maxLineLength = 16 * 1024 * 1024
const maxWaitingBytes = 32 * 1024 * 1024

export interface LinkEvents<In> {
  message: (message: In) => void
  /** Called once. */
  closed: () => void
}

/** One way between two server processes: JSON, a message a line, with signs of life both ways. Owns its socket. */
export class Link<In extends { type: string }, Out extends { type: string }> {
  readonly #socket: Duplex
  readonly #events: LinkEvents<In>
  readonly #timer: NodeJS.Timeout
  #heardAtMs = performance.now()
  #rest = ''
  #closed = false

  constructor(socket: Duplex, events: LinkEvents<In>) {
    this.#socket = socket
    this.#events = events
    const decoder = new StringDecoder('utf8')
    socket.on('data', (bytes: Buffer) => this.#read(decoder.write(bytes)))
    socket.on('error', () => this.close())
    socket.on('close', () => this.close())
    this.#timer = setInterval(() => this.#look(), aliveEveryMs)
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Answers false when the message is too long for a line; then nothing of it was sent. */
  send(message: Out | { type: 'alive' }): boolean {
    if (this.#closed) return true
    const line = JSON.stringify(message)
    if (line.length > maxLineLength) return false
    this.#socket.write(`${line}\n`)
    if (this.#socket.writableLength > maxWaitingBytes) this.close()
    return true
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#timer)
    this.#socket.destroy()
    this.#events.closed()
  }

  #look(): void {
    // A pause of this process is none of the other: what waits is read first.
    if (performance.now() - this.#heardAtMs < silentMs) this.send({ type: 'alive' })
    else setImmediate(() => performance.now() - this.#heardAtMs >= silentMs && this.close())
  }

  #read(text: string): void {
    this.#heardAtMs = performance.now()
    // Only what is new is searched: a long line comes in many pieces.
    const [first = '', ...others] = text.split('\n')
    const lines = [this.#rest + first, ...others]
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > maxLineLength) this.close()
    for (const line of lines) {
      if (this.#closed) return
      const message = readLine<In>(line)
      if (message === undefined) this.close()
      else if (message.type !== 'alive') this.#events.message(message)
    }
  }
}

/** Only a process of another version, or none of ours, says what cannot be read. */
function readLine<In>(line: string): In | undefined {
  try {
    return JSON.parse(line) as In
  } catch {
    return undefined
  }
}
