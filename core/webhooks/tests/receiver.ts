import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'

export interface Received {
  id: string
  type: string
  // biome-ignore lint/suspicious/noExplicitAny: bodies are looked into by tests
  data: any
  source: string
  subject: string
  headers: IncomingMessage['headers']
  body: string
}

/** What a receiver does with a delivery: a status, or something of its own. */
export type Reply = number | ((response: ServerResponse, incoming: IncomingMessage) => void)

/** A customer's server. It verifies with the public package; what does not verify is kept apart. */
export class Receiver {
  readonly url: string
  /** Every request that verified, whatever was answered. */
  readonly received: Received[] = []
  /** Those that were answered with 200. */
  readonly accepted: Received[] = []
  readonly unverified: string[] = []
  /** Secrets to verify with, one of which must fit. */
  secrets: string[] = []
  reply: (event: Received) => Reply = () => 200
  /** Requests that are being answered now, by resource, and the most there were. */
  readonly underWay = new Map<string, number>()
  mostUnderWay = 0
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
    server.on('request', (incoming, response) => this.#take(incoming, response))
  }

  static async start(port = 0): Promise<Receiver> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    return new Receiver(server)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** Refuses connections, and cuts those that are open, until `up`. */
  async down(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async up(): Promise<void> {
    const port = Number(new URL(this.url).port)
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve))
  }

  /** Numbers of the events of a resource in order of their first arrival among those accepted. */
  numbersOf(resource: string): number[] {
    return [
      ...new Set(this.accepted.filter(({ data }) => data.resource === resource).map(({ data }) => data.n)),
    ]
  }

  #take(incoming: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = []
    incoming.on('error', () => undefined)
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      if (!this.#verifies(body, incoming)) {
        this.unverified.push(body)
        response.writeHead(401).end()
        return
      }
      const event = { ...JSON.parse(body), headers: incoming.headers, body } as Received
      this.#answer(event, incoming, response)
    })
  }

  #answer(event: Received, incoming: IncomingMessage, response: ServerResponse): void {
    const resource = String(event.data?.resource)
    const count = (this.underWay.get(resource) ?? 0) + 1
    this.underWay.set(resource, count)
    this.mostUnderWay = Math.max(this.mostUnderWay, count)
    response.once('close', () => this.underWay.set(resource, (this.underWay.get(resource) ?? 1) - 1))
    this.received.push(event)
    const reply = this.reply(event)
    if (typeof reply === 'function') {
      reply(response, incoming)
      return
    }
    if (reply === 200) this.accepted.push(event)
    response.writeHead(reply).end()
  }

  #verifies(body: string, incoming: IncomingMessage): boolean {
    return this.secrets.some((secret) => {
      try {
        new Webhook(secret).verify(body, incoming.headers as Record<string, string>)
        return true
      } catch {
        return false
      }
    })
  }
}
