import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { AppError } from '@parley/contracts'
import type { Scope } from '@parley/core/kernel'
import { childProgram } from './child-program.ts'
import type { ThumbnailSize } from './thumbnail-sizes.ts'

export interface ThumbnailMakerOptions {
  scope: Scope
  /** At once. */
  processes: number
  /** Pictures of more are refused before they are unpacked. */
  maxPixels: number
}

const mostWaiting = 64
const mostRefusals = 1_000
const withinMs = 20_000
const mostBytesOut = 8_388_608

/**
 * Makes pictures smaller, each in a process of its own with nothing in its environment, little memory and little time:
 * whatever a hostile picture does to the decoder, it does it there. Answers WebP, turned upright, without metadata.
 */
export class ThumbnailMaker {
  readonly #options: ThumbnailMakerOptions
  readonly #children = new Set<ChildProcess>()
  readonly #waiting: (() => void)[] = []
  readonly #making = new Map<string, Promise<Buffer>>()
  readonly #refused = new Set<string>()
  #running = 0
  #closed = false

  constructor(options: ThumbnailMakerOptions) {
    this.#options = options
    options.scope.onClose('thumbnails', () => this.close())
  }

  /**
   * The picture with its longest side cut down to `size`; never enlarged. Those who ask for the same `key` at once share
   * the work. Throws `object-not-found` for what is no picture (remembered, so that it is not tried time and again),
   * `overloaded`, and `not-implemented` where the library is missing.
   */
  make(key: string, size: ThumbnailSize, open: () => Promise<Readable>): Promise<Buffer> {
    if (this.#refused.has(key)) return Promise.reject(unreadable())
    const known = this.#making.get(key)
    if (known !== undefined) return known
    const making = this.#inTurn(async () => this.#run(key, size, await open())).finally(() =>
      this.#making.delete(key),
    )
    this.#making.set(key, making)
    return making
  }

  close(): void {
    this.#closed = true
    for (const child of this.#children) child.kill('SIGKILL')
    for (const go of this.#waiting.splice(0)) go()
  }

  async #inTurn<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    if (this.#running >= this.#options.processes) {
      if (this.#waiting.length >= mostWaiting) throw new AppError('overloaded')
      // Whoever ends hands its place on.
      await new Promise<void>((go) => this.#waiting.push(go))
    } else this.#running++
    try {
      if (this.#closed) throw new AppError('unavailable')
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }

  async #run(key: string, size: ThumbnailSize, picture: Readable): Promise<Buffer> {
    const args = [
      '--max-old-space-size=64',
      '-e',
      childProgram,
      libraryPath(),
      String(size),
      String(this.#options.maxPixels),
    ]
    const child = spawn(process.execPath, args, { env: {}, stdio: ['pipe', 'pipe', 'ignore'] })
    this.#children.add(child)
    const ended = once(child, 'close') as Promise<[number | null]>
    const timer = setTimeout(() => child.kill('SIGKILL'), withinMs)
    try {
      // A child that has seen enough closes its input, which is for its exit code to explain.
      const fed = pipeline(picture, child.stdin).catch(() => undefined)
      const made = await buffer(bounded(child.stdout))
      await fed
      const [code] = await ended
      if (code === 0 && made.length > 0) return made
    } finally {
      clearTimeout(timer)
      child.kill('SIGKILL')
      await ended
      this.#children.delete(child)
    }
    if (this.#closed) throw new AppError('unavailable')
    this.#refuse(key)
    throw unreadable()
  }

  #refuse(key: string): void {
    const [oldest] = this.#refused
    if (this.#refused.size >= mostRefusals && oldest !== undefined) this.#refused.delete(oldest)
    this.#refused.add(key)
  }
}

function unreadable(): AppError {
  return new AppError('object-not-found', 'No thumbnail can be made of this file')
}

function libraryPath(): string {
  try {
    return createRequire(import.meta.url).resolve('sharp')
  } catch (cause) {
    throw new AppError('not-implemented', 'Thumbnails need the package sharp, which is missing here', {
      cause,
    })
  }
}

async function* bounded(stream: Readable): AsyncGenerator<Buffer> {
  let size = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > mostBytesOut) return
    yield chunk
  }
}
