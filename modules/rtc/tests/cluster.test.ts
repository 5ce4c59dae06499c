import { connect } from 'node:tls'
import { type DevCloud, RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { clientTls } from '../src/cluster/shared-key.ts'
import { buildSfu } from './build-sfu.ts'
import { CallMember } from './call-member.ts'

const missing = await buildSfu()
const soon = { timeout: 20_000, interval: 50 }

describe.skipIf(missing !== '')(`rooms of other processes${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  const members: CallMember[] = []
  beforeAll(async () => {
    cloud = await startDevCloud({
      servers: 2,
      env: {
        PARLEY_MEDIA_ADDRESSES: '127.0.0.1',
        PARLEY_RTC_WORKERS: '1',
        PARLEY_RTC_CLUSTER_ADDRESS: '127.0.0.1:0',
      },
    })
  })
  afterAll(() => cloud.close())
  afterEach(async () => {
    await Promise.all(members.splice(0).map((member) => member.close()))
  })

  const join = async (server: number, userId: string, roomId: string, token?: string) => {
    const member = await CallMember.join({
      ...{ url: cloud.servers[server]?.url ?? '', token: token ?? (await cloud.token(userId)), roomId },
      ...{ device: userId, send: { audio: true, video: true } },
    })
    members.push(member)
    return member
  }
  const framesOf = ({ subscriber }: CallMember) =>
    subscriber.statistics().inbound.find(({ kind }) => kind === 'video')?.frames ?? 0
  const watches = (member: CallMember) => {
    const before = framesOf(member)
    return vi.waitFor(() => expect(framesOf(member)).toBeGreaterThan(before + 10), soon)
  }
  const holderAddress = async (roomId: string): Promise<string> => {
    const client = new pg.Client(cloud.databaseUrl)
    await client.connect()
    await client.query("select set_config('parley.project_id', '*', false)")
    const { rows } = await client.query('select holder_address from rtc.rooms where room_id = $1', [roomId])
    await client.end()
    return rows[0]?.holder_address ?? ''
  }

  test('RTC-21: who asks another process for a room gets in, hears, sees and is seen', async () => {
    const alice = await join(0, 'alice', 'shared')
    const bob = await join(1, 'bob', 'shared')
    await alice.publish()
    await bob.publish()
    await Promise.all([watches(alice), watches(bob)])
    await alice.client.waitFor('rtc.participant-joined', ({ participant }) => participant.id === bob.id)
    const id = bob.publications.find(({ mid }) => mid === '1')?.id ?? ''
    await bob.client.request('rtc.mute', { roomId: 'shared', publicationId: id, muted: true })
    await alice.client.waitFor('rtc.publication-changed', ({ publication }) => publication.id === id)
    await expect(
      bob.client.request('rtc.mute', { roomId: 'shared', publicationId: 'pub_none', muted: true }),
    ).rejects.toMatchObject({ code: 'not-found' })
    await bob.client.request('rtc.leave', { roomId: 'shared' })
    await alice.client.waitFor('rtc.participant-left', (event) => event.participantId === bob.id)
    await expect(
      bob.client.request('rtc.mute', { roomId: 'shared', publicationId: id, muted: false }),
    ).rejects.toMatchObject({ code: 'participant-not-found' })
  }, 60_000)

  test('RTC-6: the place of a connection to another process is kept, and taken up through any', async () => {
    const alice = await join(0, 'alice', 'kept')
    await alice.publish()
    const bob = await join(1, 'bob', 'kept')
    await watches(bob)
    // The way it came in is gone, not its media.
    await bob.client.close()
    const url = cloud.servers[0]?.url ?? ''
    const client = await RealtimeClient.connect(url, await cloud.token('bob'), 'bob')
    const place = { roomId: 'kept', participantId: bob.id }
    expect(await client.request('rtc.join', place)).toMatchObject({ participantId: bob.id, resumed: true })
    await client.close()
    expect(alice.client.events.map(({ type }) => type)).not.toContain('rtc.participant-left')
  }, 60_000)

  test('RTC-10: rights and projects hold across processes', async () => {
    await join(0, 'alice', 'guarded')
    const token = await cloud.token('mallory', { grants: { rtc: { room: 'another', publish: true } } })
    await expect(join(1, 'mallory', 'guarded', token)).rejects.toMatchObject({ code: 'grant-missing' })
  }, 60_000)

  test('RTC-21: only who has the master key may hand frames over', async () => {
    await join(0, 'alice', 'locked')
    const [host = '', port] = (await holderAddress('locked')).split(':')
    expect(Number(port)).toBeGreaterThan(0)
    const foreign = { derive: () => Buffer.alloc(32, 7), deriveAll: () => [Buffer.alloc(32, 7)] }
    const outcome = await new Promise((resolve) => {
      const socket = connect({ host, port: Number(port), ...clientTls(foreign) }, () => resolve('secure'))
      socket.on('error', () => resolve('refused'))
    })
    expect(outcome).toBe('refused')
  }, 60_000)

  test('RTC-21: when the process that holds a room ends, members elsewhere are told and join again', async () => {
    const other = await startDevCloud({
      servers: 2,
      env: {
        PARLEY_MEDIA_ADDRESSES: '127.0.0.1',
        PARLEY_RTC_WORKERS: '1',
        PARLEY_RTC_CLUSTER_ADDRESS: '127.0.0.1:0',
      },
    })
    try {
      const [first, second] = other.servers
      const token = await other.token('alice')
      const alice = await CallMember.join({ url: first?.url ?? '', token, roomId: 'r', device: 'alice' })
      const bobToken = await other.token('bob')
      const at = { url: second?.url ?? '', token: bobToken, roomId: 'r' }
      const bob = await CallMember.join({ ...at, device: 'bob' })
      members.push(alice, bob)
      await first?.close()
      await bob.client.waitFor('rtc.closed', ({ roomId }) => roomId === 'r')
      const again = await vi.waitFor(() => CallMember.join({ ...at, device: 'again' }), soon)
      members.push(again)
    } finally {
      await Promise.all(members.splice(0).map((member) => member.close().catch(() => undefined)))
      await other.close()
    }
  }, 60_000)
})
