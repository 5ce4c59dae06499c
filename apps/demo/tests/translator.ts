import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { verifyWebhook } from '@parley/protocols/standard-webhooks'

export interface Translator {
  /** Settings of a server that asks this translator. */
  env: Record<string, string>
  /** What it was asked and answered, in order. */
  answered: readonly { text: string; to: string }[]
  /** What was wrong with a question; each was refused. */
  faults: readonly string[]
  close: () => Promise<void>
}

const secret = `whsec_${Buffer.from('a secret of thirty-two bytes....').toString('base64')}`
const known: Record<string, string> = {
  'Der Hafen schließt um neun': 'The harbour closes at nine',
}

/**
 * A translation service as a customer runs one, held to the contract: only a signed JSON question of exactly `text` and
 * `to` is answered, and only for a text it knows.
 */
export async function startTranslator(): Promise<Translator> {
  const answered: { text: string; to: string }[] = []
  const faults: string[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString()
    const fault = faultOf(request.method, request.headers, body)
    if (fault !== undefined) {
      faults.push(fault)
      response.writeHead(400).end()
      return
    }
    const question = JSON.parse(body) as { text: string; to: string }
    answered.push(question)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ text: known[question.text], detectedLanguage: 'de' }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    env: {
      PARLEY_CHAT_TRANSLATOR_URL: `http://127.0.0.1:${port}/translate`,
      PARLEY_CHAT_TRANSLATOR_SECRET: secret,
    },
    answered,
    faults,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function faultOf(method: string | undefined, headers: IncomingHttpHeaders, body: string): string | undefined {
  if (method !== 'POST') return `the method is ${method}`
  if (!headers['content-type']?.startsWith('application/json')) return 'the question is no JSON'
  try {
    verifyWebhook(body, headers as Record<string, string>, { secrets: [secret], nowMs: Date.now() })
  } catch (error) {
    return `the signature: ${String(error)}`
  }
  const question = JSON.parse(body) as Record<string, unknown>
  if (Object.keys(question).sort().join() !== 'text,to') return `the question holds ${Object.keys(question)}`
  if (question.to !== 'en') return `to is ${question.to}`
  return known[String(question.text)] === undefined ? `no such text: ${question.text}` : undefined
}
