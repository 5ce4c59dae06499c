import { connect } from 'node:tls'
import { AppError } from '@parley/contracts'
import { Link } from './link.ts'
import type { FromHolder, ToHolder } from './link-messages.ts'
import { clientTls, type LinkKeys } from './shared-key.ts'

export interface HolderLinkOptions {
  /** Host and port. */
  address: string
  keys: LinkKeys
  onEvent?: (event: Extract<FromHolder, { type: 'event' }>) => void
  /** Called once; whoever waited has been refused. */
  onClosed: () => void
}

const answerWithinMs = 15_000

/** The way to a process that holds rooms, and who waits for its answers. Owns the link. */
export class HolderLink {
  readonly address: string
  readonly #link: Link<FromHolder, ToHolder>
  readonly #onEvent: HolderLinkOptions['onEvent']
  readonly #waiting = new Map<
    number,
    { resolve: (answer: unknown) => void; reject: (error: AppError) => void }
  >()
  #lastRequest = 0

  constructor({ address, keys, onEvent, onClosed }: HolderLinkOptions) {
    this.address = address
    this.#onEvent = onEvent
    const at = address.lastIndexOf(':')
    const host = address.slice(0, at).replace(/^\[|\]$/g, '')
    const socket = connect({ host, port: Number(address.slice(at + 1)), ...clientTls(keys) })
    this.#link = new Link<FromHolder, ToHolder>(socket, {
      message: (message) => this.#handle(message),
      closed: () => {
        for (const { reject } of [...this.#waiting.values()]) reject(gone())
        onClosed()
      },
    })
  }

  tell(message: ToHolder): void {
    this.#link.send(message)
  }

  /** @throws AppError what the holder answers, `unavailable` when it does not */
  ask(message: (request: number) => ToHolder): Promise<unknown> {
    this.#lastRequest += 1
    const request = this.#lastRequest
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(() => reject(gone())), answerWithinMs)
      const settle = (tell: () => void): void => {
        clearTimeout(timer)
        this.#waiting.delete(request)
        tell()
      }
      this.#waiting.set(request, {
        resolve: (answer) => settle(() => resolve(answer)),
        reject: (error) => settle(() => reject(error)),
      })
      this.#link.send(message(request))
    })
  }

  close(): void {
    this.#link.close()
  }

  #handle(message: FromHolder): void {
    if (message.type === 'ok') this.#waiting.get(message.request)?.resolve(message.answer)
    else if (message.type === 'refused') {
      const { code, detail, retryAfterMs, issues } = message
      const options = {
        ...(retryAfterMs !== undefined && { retryAfterMs }),
        ...(issues !== undefined && { issues }),
      }
      this.#waiting.get(message.request)?.reject(new AppError(code, detail, options))
    } else if (message.type === 'event') this.#onEvent?.(message)
  }
}

function gone(): AppError {
  return new AppError('unavailable', 'The process that holds the room does not answer', {
    retryAfterMs: 1_000,
  })
}
