import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServerProcess, startServerProcess } from '@parley/testing/server-process'

/** The built server as shipped, over data of its own. */
export interface Parley {
  /** Announces a file; answers where to send it. */
  announce(sizeBytes: number): Promise<{ id: string; uploadUrl: string }>
  remove(id: string): Promise<void>
  close(): Promise<void>
}

/** All load comes from one address. */
const raisedLimits = {
  PARLEY_CONTENT_MAX_UPLOADS_PER_ADDRESS: '256',
  PARLEY_OBJECTS_MAX_UNFINISHED: '100000',
}

export async function startParley(): Promise<Parley> {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-bench-uploads-'))
  const removeData = () => rmSync(dataDir, { recursive: true, force: true })
  const env = { ...raisedLimits, PARLEY_LOG_LEVEL: 'warn' }
  const server = await startServerProcess({ dataDir, env }).catch((error: unknown) => {
    removeData()
    throw error
  })
  return {
    announce: async (sizeBytes) => {
      const file = { name: 'file.bin', contentType: 'application/octet-stream', sizeBytes }
      return (await call(server, 'POST', '/v1/uploads', file)) as { id: string; uploadUrl: string }
    },
    remove: async (id) => {
      await call(server, 'DELETE', `/v1/uploads/${id}`)
    },
    close: async () => {
      await server.stop()
      removeData()
    },
  }
}

async function call(server: ServerProcess, method: string, path: string, body?: object): Promise<unknown> {
  const { keyId, keySecret } = server.key
  for (;;) {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from(`${keyId}:${keySecret}`).toString('base64')}`,
        'content-type': 'application/json',
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (response.ok) return text === '' ? undefined : JSON.parse(text)
    if (response.status !== 429) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    await new Promise((resolve) =>
      setTimeout(resolve, 1_000 * Number(response.headers.get('retry-after') ?? 1)),
    )
  }
}
