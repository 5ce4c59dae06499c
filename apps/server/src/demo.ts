import { readFile } from 'node:fs/promises'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { extname, join, normalize, sep } from 'node:path'
import { json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { AppError, isCustomId } from '@parley/contracts'
import { isLoopback, type RawContext } from '@parley/core/http'
import type { Platform } from '@parley/core/platform'
import type { DevelopmentKey } from './development.ts'

const folder = fileURLToPath(new URL('../../demo/dist/', import.meta.url))

const contentTypes: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
}

const demoTokenMs = 12 * 3_600_000
const demoGroupId = 'demo-group'
const demoCommunityId = 'demo-community'
const demoRoomId = 'demo-lounge'
const demoNames: Record<string, string> = { alice: 'Alice', bob: 'Bob' }

/**
 * The demo page, and tokens for whoever asks from this machine. Only in development: production does not call
 * this. Requests that did not come to a loopback address, or under another name than this machine's own, are
 * refused, so that no page on the internet can fetch tokens through a visitor's browser.
 */
export function serveDemo({ http }: Platform, developmentKey: () => DevelopmentKey | undefined): void {
  http.raw('GET', '/', (c) => servePage(c, 'index.html'))
  http.raw('GET', '/assets/*', (c) => servePage(c, c.req.path.slice(1)))
  http.raw('GET', '/favicon.svg', (c) => servePage(c, 'favicon.svg'))
  http.raw('GET', '/demo/session', async (c) => {
    requireThisMachine(c)
    const key = developmentKey()
    const userId = c.req.query('user') ?? ''
    if (key === undefined) throw new AppError('unavailable', 'The server is still starting')
    if (!isCustomId(userId)) throw new AppError('invalid-request', 'Name a user: /demo/session?user=alice')
    return c.json(await openSession(key, userId), 200, { 'Cache-Control': 'no-store' })
  })
}

function requireThisMachine(c: RawContext): void {
  const name = (c.req.header('host') ?? '').replace(/:\d+$/, '')
  const own = ['localhost', '127.0.0.1', '[::1]'].includes(name)
  const direct = c.env.incoming.socket.remoteAddress?.replace(/^::ffff:/, '') ?? ''
  if (own && isLoopback(direct) && c.req.header('x-forwarded-for') === undefined) return
  throw new AppError('forbidden', 'Demo tokens are given on this machine only: open http://localhost')
}

/** Makes the user and the places of the demo when they are not there yet, and mints a token: by the public API. */
async function openSession(
  key: DevelopmentKey,
  userId: string,
): Promise<{ token: string; expiresAt: string }> {
  const name = demoNames[userId]
  const members = [...new Set([...Object.keys(demoNames), userId])]
  for (const id of members) await call(key, '/v1/users', { id, name: demoNames[id] ?? id }, [409])
  const group = { type: 'group', id: demoGroupId, name: 'Launch team', ownerId: 'alice', memberIds: members }
  await call(key, '/v1/conversations', group, [409])
  await openTown(key, members)
  if (name === undefined) {
    for (const id of [demoGroupId, demoCommunityId]) {
      await call(key, `/v1/conversations/${id}/members`, { userIds: [userId] }, [])
    }
  }
  const path = `/v1/users/${encodeURIComponent(userId)}/tokens`
  return (await call(key, path, { ttlMs: demoTokenMs }, [])) as { token: string; expiresAt: string }
}

/** A community with channels, a chat room, and people who can be found by name; made once, then left as they are. */
async function openTown(key: DevelopmentKey, memberIds: readonly string[]): Promise<void> {
  const community = {
    type: 'community',
    id: demoCommunityId,
    name: 'Harbour town',
    ownerId: 'alice',
    memberIds,
  }
  const made = (await call(key, '/v1/conversations', community, [409])) as { type?: string }
  if (made.type !== 'community') return
  const channels = [
    { channelId: 'demo-square', name: 'square', position: 1 },
    { channelId: 'demo-boats', name: 'boats', category: 'Hobbies', position: 2 },
    { channelId: 'demo-recipes', name: 'recipes', category: 'Hobbies', position: 3 },
  ]
  const path = `/v1/conversations/${demoCommunityId}/channels`
  for (const channel of channels) await call(key, path, channel, [409])
  const room = { chatRoomId: demoRoomId, name: 'Lounge', ownerId: 'alice', history: true }
  await call(key, '/v1/chatrooms', room, [409])
  const fields = { team: { kind: 'text', maxLength: 64 }, likesTea: { kind: 'flag' } }
  const search = { id: true, name: true, phone: false, email: false }
  await call(key, '/v1/social/settings', { fields, search }, [], 'PATCH')
}

function call(
  key: DevelopmentKey,
  path: string,
  body: unknown,
  accepted: readonly number[],
  method: 'POST' | 'PATCH' = 'POST',
): Promise<unknown> {
  const url = new URL(path, key.url)
  const credentials = Buffer.from(`${key.keyId}:${key.keySecret}`).toString('base64')
  return new Promise((resolve, reject) => {
    const outgoing = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
      method,
      headers: { authorization: `Basic ${credentials}`, 'content-type': 'application/json' },
      // The connection stays inside this process; its certificate names the public address, or is its own.
      rejectUnauthorized: false,
      agent: false,
    })
    outgoing.on('error', reject)
    outgoing.on('response', (incoming) => {
      json(incoming).then((answer) => {
        const status = incoming.statusCode ?? 0
        if ((status >= 200 && status < 300) || accepted.includes(status)) resolve(answer)
        else reject(new AppError('unavailable', `The demo could not be prepared: ${path} answered ${status}`))
      }, reject)
    })
    outgoing.end(JSON.stringify(body))
  })
}

async function servePage(c: RawContext, name: string): Promise<Response> {
  const path = normalize(join(folder, name))
  if (!path.startsWith(folder.endsWith(sep) ? folder : folder + sep)) throw new AppError('not-found')
  const content = await readFile(path).catch(() => undefined)
  if (content === undefined) throw new AppError('not-found', 'The demo page is not built: npm run build')
  return c.body(new Uint8Array(content), 200, {
    'Content-Type': contentTypes[extname(path)] ?? 'application/octet-stream',
    'Cache-Control': name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
    'X-Frame-Options': 'SAMEORIGIN',
  })
}
