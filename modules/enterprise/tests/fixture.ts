import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CallOptions, type DevCloud, RealtimeClient } from '@parley/testing/devcloud'

export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by tests
  body: any
}

export async function call(
  cloud: DevCloud,
  method: string,
  path: string,
  body?: unknown,
  options?: CallOptions,
): Promise<Answer> {
  return cloud.call(method, path, body, options)
}

let count = 0
export const fresh = (name: string): string => `${name}-${++count}`

export async function eventually<T>(look: () => Promise<T | undefined>, timeoutMs = 15_000): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const answer = await look()
    if (answer !== undefined) return answer
    if (Date.now() > deadline) throw new Error('it did not happen in time')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export async function connect(cloud: DevCloud, userId: string, server = 0): Promise<RealtimeClient> {
  const url = cloud.servers[server]?.url ?? cloud.url
  return RealtimeClient.connect(url, await cloud.token(userId), fresh('device'))
}

export interface Received {
  headers: IncomingHttpHeaders
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: events are looked into by tests
  event: any
}

/** A customer's server: keeps what it is told and answers what it is made to. */
export class Receiver {
  readonly url: string
  readonly received: Received[] = []
  answer: (received: Received) => { status?: number; body?: unknown } = () => ({})
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
    server.on('request', (incoming, response) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        const received = { headers: incoming.headers, text, event: JSON.parse(text) as unknown }
        this.received.push(received)
        const { status = 200, body } = this.answer(received)
        response.writeHead(status).end(body === undefined ? undefined : JSON.stringify(body))
      })
    })
  }

  static async start(): Promise<Receiver> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new Receiver(server)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
