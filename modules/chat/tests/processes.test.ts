import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ParleyServer } from '@parley/server'
import { RealtimeClient } from '@parley/testing/devcloud'
import { createTestDatabase } from '@parley/testing/postgres'
import { startServerProcess } from '@parley/testing/server-process'
import { expect, test } from 'vitest'

test('CHAT-16: two processes share one dense sequence and reach each other’s users, also when one is killed', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-two-'))
  const database = await createTestDatabase()
  const options = { dataDir, env: { PARLEY_DATABASE_URL: database.url } }
  const first = await startServerProcess(options)
  const second = await startServerProcess(options)
  try {
    const server = new ParleyServer({
      url: first.url,
      keyId: second.key.keyId,
      keySecret: second.key.keySecret,
    })
    for (const id of ['ann', 'bob']) await server.createUser({ id })
    const { id: conversationId } = await server.createConversation({
      type: 'group',
      memberIds: ['ann', 'bob'],
    })
    const token = (userId: string) => server.mintToken({ userId, ttlMs: 600_000 })
    const ann = await RealtimeClient.connect(first.url, token('ann'), 'ann')
    const bob = await RealtimeClient.connect(second.url, token('bob'), 'bob')

    const acked: number[] = []
    const send = async (client: RealtimeClient, clientMessageId: string): Promise<void> => {
      const content = { type: 'text' as const, text: clientMessageId }
      const { seq } = await client.request('message.send', { conversationId, clientMessageId, content })
      acked.push(seq)
    }
    const count = 200
    await Promise.all(
      Array.from({ length: count }, (_, index) => [send(ann, `a${index}`), send(bob, `b${index}`)]).flat(),
    )
    for (const client of [ann, bob]) {
      await client.waitFor('message.created', ({ message }) => message.seq === 2 * count)
      const heard = client.events.flatMap((event) =>
        event.type === 'message.created' ? [event.message.seq] : [],
      )
      expect(heard).toEqual(Array.from({ length: 2 * count }, (_, index) => index + 1))
    }

    const unknown = Array.from({ length: count }, (_, index) => send(bob, `k${index}`).catch(() => undefined))
    await second.kill()
    await Promise.all(unknown)
    await send(ann, 'after the kill')
    const log = await readLog()
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1))
    const stored = new Set(log.map(({ seq }) => seq))
    expect(acked.every((seq) => stored.has(seq))).toBe(true)
    expect(new Set(log.map(({ clientMessageId }) => clientMessageId)).size).toBe(log.length)
    await ann.waitFor('message.created', ({ message }) => message.seq === log.length)
    await ann.close()

    async function readLog() {
      const items = []
      for (;;) {
        const page = await server.listMessages({ conversationId, afterSeq: items.length, limit: 200 })
        if (page.items.length === 0) return items
        items.push(...page.items)
      }
    }
  } finally {
    await Promise.all([first.kill(), second.kill()])
    await database.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}, 120_000)
