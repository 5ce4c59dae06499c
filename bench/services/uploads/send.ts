import { once } from 'node:events'
import { Agent, request } from 'node:http'

export const agent = new Agent({ keepAlive: true, maxSockets: 64 })
const chunk = Buffer.alloc(1_048_576, 7)

export interface Sending {
  url: string
  method: 'PUT' | 'PATCH'
  sizeBytes: number
  headers?: Record<string, string>
}

/** Sends so many bytes; resolves with the answer complete. Throws for anything but 2xx. */
export async function send({ url, method, sizeBytes, headers = {} }: Sending): Promise<void> {
  const outgoing = request(url, { method, agent, headers: { 'content-length': sizeBytes, ...headers } })
  const answered = once(outgoing, 'response')
  answered.catch(() => undefined)
  for (let left = sizeBytes; left > 0; left -= chunk.length) {
    const piece = left < chunk.length ? chunk.subarray(0, left) : chunk
    if (!outgoing.write(piece)) await Promise.race([once(outgoing, 'drain'), answered])
  }
  outgoing.end()
  const [incoming] = await answered
  incoming.resume()
  await once(incoming, 'end')
  const { statusCode } = incoming
  if (statusCode < 200 || statusCode > 299) throw new Error(`${method} was answered with ${statusCode}`)
}
