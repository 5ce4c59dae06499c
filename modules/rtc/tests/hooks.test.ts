import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { SyntheticPeer } from '@parley/testing/rtc-client'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { buildSfu } from './build-sfu.ts'
import { CallMember, type CallMemberOptions } from './call-member.ts'

const missing = await buildSfu()
const soon = { timeout: 15_000, interval: 50 }
const both = { audio: true, video: true } as const

interface Question {
  type: string
  subject: string
  data: Record<string, unknown> & { userId: string }
}

describe.skipIf(missing !== '')(`blocking hooks of rooms${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  let application: Server
  let asked: Question[] = []
  /** What the application answers; undefined: nothing, ever. */
  let judge: (question: Question) => object | undefined = () => ({ verdict: 'allow' })
  const open: { close(): unknown }[] = []

  beforeAll(async () => {
    cloud = await startDevCloud({ env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1' } })
    application = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const question = JSON.parse(Buffer.concat(chunks).toString()) as Question
      asked.push(question)
      const answer = judge(question)
      if (answer !== undefined) response.end(JSON.stringify(answer))
    })
    await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve))
    const { status } = await cloud.call('POST', '/v1/webhooks', {
      url: `http://127.0.0.1:${(application.address() as AddressInfo).port}/`,
      events: [],
      blocking: {
        hooks: ['room.before-join', 'room.before-publish'],
        timeoutMs: 1_500,
        onTimeout: 'reject',
      },
    })
    expect(status).toBe(201)
  })
  afterEach(async () => {
    judge = () => ({ verdict: 'allow' })
    await Promise.all(open.splice(0).map((one) => one.close()))
    asked = []
  })
  afterAll(async () => {
    application?.closeAllConnections()
    application?.close()
    await cloud?.close()
  })

  const join = async (roomId: string, userId: string, send?: CallMemberOptions['send']) => {
    const token = await cloud.token(userId, {
      grants: { rtc: { room: '*', publish: true, subscribe: true } },
    })
    const member = await CallMember.join({ url: cloud.url, token, roomId, ...(send && { send }) })
    open.push(member)
    return member
  }
  const frames = (member: CallMember): number =>
    member.subscriber.statistics().inbound.find(({ kind }) => kind === 'video')?.frames ?? 0

  test('RTC-23: the application is asked about a join and a publication, and its no reaches the asker only', async () => {
    judge = ({ type, data }) =>
      data.userId === 'mallory' || (type === 'room.before-publish' && data.userId === 'bob')
        ? { verdict: 'reject', detail: `not you, ${data.userId}` }
        : { verdict: 'allow' }
    const alice = await join('guarded', 'alice', both)
    await alice.publish()
    expect(asked).toMatchObject([
      { type: 'room.before-join', subject: 'room/guarded', data: { userId: 'alice', via: 'member' } },
      {
        type: 'room.before-publish',
        subject: 'room/guarded',
        data: {
          ...{ userId: 'alice', participantId: alice.id, via: 'member' },
          publications: [
            { kind: 'audio', source: 'microphone' },
            { kind: 'video', source: 'camera' },
          ],
        },
      },
    ])
    await expect(join('guarded', 'mallory')).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('not you, mallory'),
    })
    const bob = await join('guarded', 'bob', both)
    await expect(bob.publish()).rejects.toMatchObject({ code: 'forbidden' })
    await vi.waitFor(() => expect(frames(bob)).toBeGreaterThan(10), soon)
    const joined = alice.client.events.filter(({ type }) => type === 'rtc.participant-joined')
    expect(joined).toHaveLength(1)
    expect(alice.client.events.filter(({ type }) => type === 'rtc.publication-added')).toEqual([])
  })

  test('RTC-23: a kept place and what is published already are not asked about again', async () => {
    const alice = await join('kept', 'alice', { audio: true })
    await alice.publish()
    judge = () => ({ verdict: 'reject' })
    const { sdp } = await alice.client.request('rtc.publish', {
      roomId: 'kept',
      sdp: await alice.publisher.createOffer({ iceRestart: true }),
      publications: [{ mid: '0', kind: 'audio', source: 'microphone' }],
    })
    expect(sdp).toContain('a=ice-ufrag')
    const again = await alice.client.request('rtc.join', { roomId: 'kept', participantId: alice.id })
    expect(again).toMatchObject({ resumed: true, participantId: alice.id })
    expect(asked).toHaveLength(2)
  })

  test('RTC-23: a question without an answer gets the declared verdict at its deadline and stalls nobody else', async () => {
    const alice = await join('slow', 'alice', both)
    await alice.publish()
    const bob = await join('slow', 'bob', both)
    await vi.waitFor(() => expect(frames(bob)).toBeGreaterThan(5), soon)
    judge = ({ data }) =>
      data.userId === 'bob' || data.userId === 'carol' ? undefined : { verdict: 'allow' }
    const settled: string[] = []
    const publishing = bob.publish().catch((error: { code: string }) => settled.push(`publish ${error.code}`))
    const joining = join('slow', 'carol').catch((error: { code: string }) =>
      settled.push(`join ${error.code}`),
    )
    await vi.waitFor(() => expect(asked.filter(({ data }) => data.userId !== 'alice')).toHaveLength(3), soon)
    const before = frames(bob)
    // Others join, media flows, and the asker's own other requests are answered, all while both questions hang.
    const dave = await join('slow', 'dave')
    await vi.waitFor(() => expect(frames(dave)).toBeGreaterThan(5), soon)
    await bob.client.request('rtc.report', { roomId: 'slow', facts: {} })
    await vi.waitFor(() => expect(frames(bob)).toBeGreaterThan(before), soon)
    await Promise.all([publishing, joining])
    expect(settled.sort()).toEqual(['join forbidden', 'publish forbidden'])
  })

  test('RTC-23: what waits for an answer keeps its order, and a place that was left meanwhile stays left', async () => {
    const alice = await join('order', 'alice', { audio: true })
    judge = () => undefined
    const settled: string[] = []
    const publishing = alice.publish().catch((error: { code: string }) => settled.push(error.code))
    await vi.waitFor(() => expect(asked.at(-1)?.type).toBe('room.before-publish'), soon)
    const empty = alice.client
      .request('rtc.publish', {
        ...{ roomId: 'order', publications: [] },
        sdp: await new SyntheticPeer({ address: '127.0.0.1', send: { audio: true } }).createOffer(),
      })
      .then(() => settled.push('later'))
    await Promise.all([publishing, empty])
    expect(settled).toEqual(['forbidden', 'later'])
    const leaving = alice.publish().catch((error: { code: string }) => settled.push(error.code))
    await vi.waitFor(() => expect(asked.filter(({ type }) => type === 'room.before-publish')).toHaveLength(2))
    await alice.client.request('rtc.leave', { roomId: 'order' })
    await leaving
    const { body } = await cloud.call('GET', '/v1/rtc/rooms/order/participants')
    expect(body).toMatchObject({ items: [] })
  })

  test('RTC-23: WHIP and WHEP pass the same hooks, and a refused one was never in the room', async () => {
    const token = await cloud.token('studio', {
      grants: { rtc: { room: '*', publish: true, subscribe: true } },
    })
    const post = async (kind: 'whip' | 'whep') => {
      const peer = new SyntheticPeer(
        kind === 'whip'
          ? { address: '127.0.0.1', send: both }
          : { address: '127.0.0.1', receive: { video: 1 } },
      )
      open.push(peer)
      const response = await fetch(`${cloud.url}/v1/rtc/rooms/stage/${kind}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/sdp' },
        body: await peer.createOffer(),
      })
      return { status: response.status, text: await response.text() }
    }
    const watcher = await join('stage', 'watcher')
    judge = ({ type }) =>
      type === 'room.before-publish' ? { verdict: 'reject', detail: 'no show' } : { verdict: 'allow' }
    const refused = await post('whip')
    expect(refused.status).toBe(403)
    expect(JSON.parse(refused.text)).toMatchObject({ code: 'forbidden', detail: 'no show' })
    judge = () => ({ verdict: 'reject' })
    expect((await post('whep')).status).toBe(403)
    expect(watcher.client.events.filter(({ type }) => type === 'rtc.participant-joined')).toEqual([])
    judge = () => ({ verdict: 'allow' })
    expect((await post('whip')).status).toBe(201)
    expect((await post('whep')).status).toBe(201)
    expect(asked.map(({ type, data }) => `${type} ${data.via}`)).toEqual([
      'room.before-join member',
      ...['room.before-join whip', 'room.before-publish whip', 'room.before-join whep'],
      ...['room.before-join whip', 'room.before-publish whip', 'room.before-join whep'],
    ])
  })
})
