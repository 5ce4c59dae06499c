import { createServer, type Server, type TLSSocket } from 'node:tls'
import { AppError } from '@parley/contracts'
import type { EndReason, Session } from '@parley/core/gateway'
import type { Closable, Logger } from '@parley/core/kernel'
import { Link } from './link.ts'
import type { FromHolder, SessionFacts, ToHolder } from './link-messages.ts'
import { RemoteSession } from './remote-session.ts'
import type { RoomInput } from './room-operations.ts'
import { type LinkKeys, serverTls } from './shared-key.ts'

export interface RoomHostOptions {
  keys: LinkKeys
  logger: Logger
  /** Carries out a frame that was checked where it came in. */
  run: (session: Session, frame: string, body: { roomId: string }) => Promise<unknown>
  /** Carries out an operation that was checked where it came in. */
  call: (operation: string, input: RoomInput) => Promise<unknown>
  onSessionClosed: (session: Session, reason: EndReason) => void
}

/** Takes frames and calls for rooms of this process from others. Owns its listener and the links it accepted. */
export class RoomHost implements Closable {
  readonly #options: RoomHostOptions
  readonly #server: Server
  readonly #links = new Set<Link<ToHolder, FromHolder>>()
  readonly #sockets = new Set<TLSSocket>()

  constructor(options: RoomHostOptions) {
    this.#options = options
    this.#server = createServer(serverTls(options.keys), (socket) => this.#accept(socket))
    // Whoever has another key, or none, is refused by the handshake.
    this.#server.on('tlsClientError', (error) => options.logger.debug({ error }, 'a room link was refused'))
  }

  /** Resolves with the port. @throws Error when it is taken */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => {
        const address = this.#server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : port)
      })
    })
  }

  async close(): Promise<void> {
    for (const link of this.#links) link.close()
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #accept(socket: TLSSocket): void {
    const sessions = new Map<string, RemoteSession>()
    const link = new Link<ToHolder, FromHolder>(socket, {
      message: (message) => this.#handle(link, sessions, message),
      closed: () => {
        this.#links.delete(link)
        this.#sockets.delete(socket)
        for (const session of sessions.values()) this.#end(session, 'dead')
      },
    })
    this.#links.add(link)
    this.#sockets.add(socket)
  }

  #handle(link: Link<ToHolder, FromHolder>, sessions: Map<string, RemoteSession>, message: ToHolder): void {
    if (message.type === 'frame') {
      const { request, frame, body } = message
      const session = sessionOf(link, sessions, message.session)
      this.#answer(link, request, this.#options.run(session, frame, body))
    } else if (message.type === 'call') {
      const { request, operation, input } = message
      this.#answer(link, request, this.#options.call(operation, input))
    } else if (message.type === 'session') {
      sessions.get(message.session.id)?.adopt(message.session.caller)
    } else if (message.type === 'session-closed') {
      const session = sessions.get(message.sessionId)
      sessions.delete(message.sessionId)
      if (session !== undefined) this.#end(session, message.reason)
    }
  }

  #answer(link: Link<ToHolder, FromHolder>, request: number, outcome: Promise<unknown>): void {
    outcome
      .then((answer) => {
        if (link.send({ type: 'ok', request, answer })) return
        throw new AppError('limit-exceeded', 'The answer is too long to be passed on')
      })
      .catch((error: unknown) => link.send({ type: 'refused', request, ...this.#explain(error) }))
  }

  #end(session: RemoteSession, reason: EndReason): void {
    session.finish()
    this.#options.onSessionClosed(session, reason)
  }

  #explain(error: unknown) {
    if (!(error instanceof AppError)) {
      this.#options.logger.error({ error }, 'a request of another process failed')
      return { code: 'internal-error', detail: 'Parley failed' } as const
    }
    const { code, message: detail, retryAfterMs, issues } = error
    return {
      ...{ code, detail },
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(issues !== undefined && { issues }),
    }
  }
}

function sessionOf(
  link: Link<ToHolder, FromHolder>,
  sessions: Map<string, RemoteSession>,
  facts: SessionFacts,
): RemoteSession {
  const known = sessions.get(facts.id)
  if (known !== undefined) {
    known.adopt(facts.caller)
    return known
  }
  const made = new RemoteSession(facts, (event) => link.send({ type: 'event', sessionId: facts.id, event }))
  sessions.set(facts.id, made)
  return made
}
