import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ParleyServer } from '@parley/server'
import { createTestDatabase } from '@parley/testing/postgres'
import { SyntheticPeer } from '@parley/testing/rtc-client'
import { type ServerProcess, startServerProcess } from '@parley/testing/server-process'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { buildSfu } from './build-sfu.ts'
import { CallMember } from './call-member.ts'

const missing = await buildSfu()
/** What fails until the lease has lapsed is tried again. */
const soon = { timeout: 60_000, interval: 250 }
const both = { audio: true, video: true } as const

describe.skipIf(missing !== '')(`the end of a holder${missing && ` (skipped: ${missing})`}`, () => {
  const closing: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close()
  })

  test('RTC-190: after SIGKILL of the process that holds a room its members elsewhere go on at another, and REST answers', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'parley-holder-'))
    closing.push(() => rmSync(dataDir, { recursive: true, force: true }))
    const database = await createTestDatabase()
    closing.push(() => database.close())
    const start = async () => {
      const started = await startServerProcess({
        dataDir,
        env: {
          PARLEY_DATABASE_URL: database.url,
          PARLEY_MEDIA_ADDRESSES: '127.0.0.1',
          PARLEY_RTC_WORKERS: '1',
          PARLEY_RTC_CLUSTER_ADDRESS: '127.0.0.1:0',
        },
      })
      closing.push(() => started.kill())
      return started
    }
    const [holder, left, right] = [await start(), await start(), await start()]
    const rest = ({ url }: ServerProcess) =>
      new ParleyServer({ url, keyId: holder.key.keyId, keySecret: holder.key.keySecret, maxAttempts: 1 })
    const enter = async ({ url }: ServerProcess, userId: string, device = userId) => {
      const token = rest(left).mintToken({ userId, ttlMs: 600_000 })
      const member = await CallMember.join({ url, token, roomId: 'r', device, send: both })
      closing.push(() => member.close().catch(() => undefined))
      return member
    }
    const watches = (receiver: SyntheticPeer) =>
      vi.waitFor(() => {
        const video = receiver.statistics().inbound.find(({ kind }) => kind === 'video')
        expect(video?.frames).toBeGreaterThan(10)
      }, soon)
    const membersAt = async (server: ServerProcess) =>
      (await rest(server).listParticipants({ roomId: 'r' })).items.map(({ userId }) => userId).sort()

    for (const id of ['alice', 'bob', 'carol', 'dave']) await rest(holder).createUser({ id })
    const alice = await enter(holder, 'alice')
    const bob = await enter(left, 'bob')
    const carol = await enter(right, 'carol')
    await bob.publish()
    await Promise.all([watches(alice.subscriber), watches(carol.subscriber)])
    expect(await membersAt(right)).toEqual(['alice', 'bob', 'carol'])

    await holder.kill()
    for (const { client } of [bob, carol]) {
      const closed = await client.waitFor('rtc.closed', () => true, soon.timeout)
      expect(closed).toMatchObject({ roomId: 'r', reason: 'connection-lost' })
    }
    const again = (server: ServerProcess, userId: string) =>
      vi.waitFor(() => enter(server, userId, `${userId} again`), soon)
    const [bobAgain, carolAgain] = [await again(left, 'bob'), await again(right, 'carol')]
    await bobAgain.publish()
    await watches(carolAgain.subscriber)
    for (const server of [left, right]) {
      await vi.waitFor(async () => expect(await membersAt(server)).toEqual(['bob', 'carol']), soon)
    }
    const player = new SyntheticPeer({ address: '127.0.0.1', receive: { video: 1 } })
    closing.push(() => player.close())
    const played = await fetch(new URL('/v1/rtc/rooms/r/whep', right.url), {
      method: 'POST',
      headers: {
        authorization: `Bearer ${rest(left).mintToken({ userId: 'dave', ttlMs: 600_000 })}`,
        'content-type': 'application/sdp',
      },
      body: await player.createOffer(),
    })
    expect(played.status).toBe(201)
    player.acceptAnswer(await played.text())
    await watches(player)
    await rest(right).removeParticipant({ roomId: 'r', participantId: bobAgain.id })
    await bobAgain.client.waitFor('rtc.closed', ({ reason }) => reason === 'removed', soon.timeout)
    await rest(right).deleteRoom({ roomId: 'r' })
    await carolAgain.client.waitFor('rtc.closed', ({ reason }) => reason === 'room-closed', soon.timeout)
  }, 240_000)
})
