import { appendFileSync, renameSync, statSync } from 'node:fs'

const maxFileBytes = 4 * 1024 * 1024
const tailCharacters = 8_000

/** What the server says: a file that is turned over at 4 MiB (one older is kept), and its end in memory. */
export class ServerLog {
  readonly #path: string
  #bytes: number
  #tail = ''

  constructor(path: string) {
    this.#path = path
    this.#bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  }

  append(text: string): void {
    this.#tail = (this.#tail + text).slice(-tailCharacters)
    try {
      if (this.#bytes > maxFileBytes) {
        renameSync(this.#path, `${this.#path}.1`)
        this.#bytes = 0
      }
      appendFileSync(this.#path, text, { mode: 0o600 })
      this.#bytes += Buffer.byteLength(text)
    } catch {
      // A full disk must not take the server down with it.
    }
  }

  /** Forgets the end, so that the next start is judged by its own words. */
  mark(): void {
    this.#tail = ''
  }

  get tail(): string {
    return this.#tail
  }

  /** The last lines that say why the server ended, for an error message. */
  get reason(): string {
    const lines = this.#tail.split('\n').filter((line) => /(FATAL|PANIC|ERROR|HINT|error):? /.test(line))
    return lines.slice(-3).join(' | ') || this.#tail.trim().split('\n').slice(-2).join(' | ')
  }
}
