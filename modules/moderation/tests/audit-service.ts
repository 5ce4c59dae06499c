import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { AuditAnswer, AuditQuestion } from '@parley/contracts'
import { verifyWebhook } from '@parley/protocols/standard-webhooks'

/** An audit service as a customer runs one: it verifies what it is asked. */
export class AuditService {
  readonly url: string
  readonly questions: AuditQuestion[] = []
  unverified = 0
  secret = ''
  answer: (question: AuditQuestion) => AuditAnswer | number | 'never' = () => ({ verdict: 'pass' })
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/audit`
    server.on('request', (incoming, response: ServerResponse) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('end', () => {
        const body = Buffer.concat(chunks).toString()
        try {
          verifyWebhook(body, incoming.headers as Record<string, string>, {
            secrets: [this.secret],
            nowMs: Date.now(),
          })
        } catch {
          this.unverified++
          response.writeHead(401).end()
          return
        }
        const question = JSON.parse(body) as AuditQuestion
        this.questions.push(question)
        const answer = this.answer(question)
        if (answer === 'never') return
        if (typeof answer === 'number') response.writeHead(answer).end()
        else response.end(JSON.stringify(answer))
      })
    })
  }

  static async start(): Promise<AuditService> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new AuditService(server)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
