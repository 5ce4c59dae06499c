import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingMessage,
  request as requestHttp,
} from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { Closable } from '@parley/core/kernel'
import type { OutgoingGuard } from './outgoing-guard.ts'

export interface OutgoingFetch {
  url: string
  headers: Readonly<Record<string, string>>
  /** The whole call: looking up, connecting, sending, the answer as far as it is read. Milliseconds. */
  timeoutMs: number
  /** Bytes of the answer that are read; the rest is cut off. */
  maxAnswerBytes: number
  signal?: AbortSignal
}

export interface OutgoingCall extends OutgoingFetch {
  body: string | Uint8Array
}

type AnyCall = OutgoingFetch & Partial<OutgoingCall>

export interface OutgoingAnswer {
  status: number
  headers: IncomingMessage['headers']
  body: Buffer
  /** Whether `body` is all of it. */
  complete: boolean
}

export class CallTimeoutError extends Error {
  override readonly name = 'CallTimeoutError'
}

/**
 * Calls on behalf of customers. The name is looked up once for each call, every address is checked, and the
 * connection goes to what was checked. Redirects are answers like any other: they are never followed.
 */
export class OutgoingCalls implements Closable {
  readonly #guard: OutgoingGuard
  readonly #agents: { http: HttpAgent; https: HttpsAgent }

  constructor(guard: OutgoingGuard, options: { socketsPerHost: number }) {
    this.#guard = guard
    const agent = { keepAlive: true, maxFreeSockets: options.socketsPerHost, timeout: 30_000 }
    this.#agents = { http: new HttpAgent(agent), https: new HttpsAgent(agent) }
  }

  /** Throws ForbiddenPlaceError, CallTimeoutError, or what the network says. */
  post(call: OutgoingCall): Promise<OutgoingAnswer> {
    return this.#call(call)
  }

  /** As `post`, for a page that is only looked at. */
  get(call: OutgoingFetch): Promise<OutgoingAnswer> {
    return this.#call(call)
  }

  async #call(call: AnyCall): Promise<OutgoingAnswer> {
    const deadline = new AbortController()
    const timer = setTimeout(
      () => deadline.abort(new CallTimeoutError(`no answer within ${call.timeoutMs} ms`)),
      call.timeoutMs,
    )
    const signal = call.signal ? AbortSignal.any([call.signal, deadline.signal]) : deadline.signal
    try {
      return await this.#attempt(call, signal)
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    } finally {
      clearTimeout(timer)
    }
  }

  close(): void {
    this.#agents.http.destroy()
    this.#agents.https.destroy()
  }

  async #attempt(call: AnyCall, signal: AbortSignal): Promise<OutgoingAnswer> {
    const url = new URL(call.url)
    const addresses = await untilAborted(this.#guard.addressesOf(url), signal)
    const first = await this.#send(url, addresses, call, signal, true)
    if (first !== 'stale') return first
    // A kept connection that the receiver had closed meanwhile says nothing about the receiver.
    const second = await this.#send(url, addresses, call, signal, false)
    if (second === 'stale') throw new Error('the connection was closed')
    return second
  }

  #send(
    url: URL,
    addresses: readonly string[],
    call: AnyCall,
    signal: AbortSignal,
    mayReuse: boolean,
  ): Promise<OutgoingAnswer | 'stale'> {
    const secure = url.protocol === 'https:'
    const body = typeof call.body === 'string' ? Buffer.from(call.body) : call.body
    return new Promise((resolve, reject) => {
      const outgoing: ClientRequest = (secure ? requestHttps : requestHttp)(url, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { ...call.headers, ...(body && { 'content-length': String(body.length) }) },
        lookup: pinned(addresses),
        agent: mayReuse ? this.#agents[secure ? 'https' : 'http'] : false,
        signal,
      })
      outgoing.on('response', (incoming) => {
        readAnswer(incoming, call.maxAnswerBytes).then(resolve, reject)
      })
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        const stale = outgoing.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
        if (stale && !signal.aborted) resolve('stale')
        else reject(error)
      })
      outgoing.end(body)
    })
  }
}

/** Answers the addresses that were checked, whatever is asked. */
function pinned(addresses: readonly string[]): LookupFunction {
  const known = addresses.map((address) => ({ address, family: isIP(address) }))
  return (_host, options, callback) => {
    const [first] = known
    if (options.all === true) callback(null, known)
    else callback(null, first?.address ?? '', first?.family)
  }
}

/** The status counts once the head is there; a body that breaks off or never ends does not undo it. */
function readAnswer(incoming: IncomingMessage, maxBytes: number): Promise<OutgoingAnswer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0
    const finish = (complete: boolean): void => {
      const body = Buffer.concat(chunks).subarray(0, maxBytes)
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body, complete })
    }
    incoming.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      if (length <= maxBytes) return
      finish(false)
      incoming.destroy()
    })
    incoming.on('end', () => finish(true))
    incoming.on('error', () => finish(false))
    incoming.on('close', () => finish(false))
  })
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort)
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
