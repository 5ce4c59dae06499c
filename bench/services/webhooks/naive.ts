import { Agent, request } from 'node:http'

/** Sends `count` bodies, `atOnce` at a time, and remembers nothing. Answers seconds. */
export async function sendNaively(options: {
  urls: readonly string[]
  count: number
  atOnce: number
  body: string
  by: 'fetch' | 'node:http'
}): Promise<number> {
  const { urls, count, atOnce, body, by } = options
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  let next = 0
  const send = async (): Promise<void> => {
    for (let number = next++; number < count; number = next++) {
      const url = urls[number % urls.length] ?? ''
      if (by === 'fetch') await post(url, body)
      else await postByRequest(url, body, agent)
    }
  }
  const startedMs = performance.now()
  await Promise.all(Array.from({ length: atOnce }, send))
  agent.destroy()
  return (performance.now() - startedMs) / 1_000
}

async function post(url: string, body: string): Promise<void> {
  const response = await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
  await response.arrayBuffer()
}

function postByRequest(url: string, body: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const outgoing = request(url, { method: 'POST', headers, agent }, (incoming) => {
      incoming.resume()
      incoming.on('end', resolve)
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
