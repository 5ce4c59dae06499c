import { MasterKey } from '@parley/core/secrets'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { SyntheticPeer } from '@parley/testing/rtc-client'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { buildSfu } from './build-sfu.ts'
import { CallMember } from './call-member.ts'
import { DataMember } from './data-member.ts'

const missing = await buildSfu()
const soon = { timeout: 20_000, interval: 50 }
const both = { audio: true, video: true } as const
const offerType = 'application/sdp'
const fragmentType = 'application/trickle-ice-sdpfrag'
/** The process that holds the rooms here, and another one. */
const [holder, other] = [0, 1]

describe.skipIf(missing !== '')(
  `rooms asked for at any process${missing && ` (skipped: ${missing})`}`,
  () => {
    let cloud: DevCloud
    const closing: { close(): unknown }[] = []
    beforeAll(async () => {
      cloud = await startDevCloud({
        servers: 2,
        env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1', PARLEY_RTC_CLUSTER_ADDRESS: '127.0.0.1:0' },
      })
    })
    afterAll(() => cloud.close())
    afterEach(async () => {
      for (const one of closing.splice(0).reverse()) await one.close()
    })

    const at = (server: number) => cloud.servers[server]?.url ?? ''
    const join = async (server: number, userId: string, roomId: string) => {
      const url = at(server)
      const member = await CallMember.join({
        ...{ url, token: await cloud.token(userId), roomId, device: `${userId} ${roomId}`, send: both },
      })
      closing.push(member)
      return member
    }
    const peer = (options: ConstructorParameters<typeof SyntheticPeer>[0]) => {
      const made = new SyntheticPeer({ address: '127.0.0.1', ...options })
      closing.push(made)
      return made
    }
    const foreignKey = async () => {
      const token = MasterKey.load({ dataDir: cloud.dataDir }).derive('operator').toString('hex')
      const { body } = await cloud.call('POST', '/v1/projects', { name: 'Other' }, { token })
      const { key } = body as { key: { id: string; secret: string } }
      return `Basic ${Buffer.from(`${key.id}:${key.secret}`).toString('base64')}`
    }
    const video = (receiver: SyntheticPeer) =>
      receiver.statistics().inbound.find(({ kind }) => kind === 'video')?.frames ?? 0
    const plays = (receiver: SyntheticPeer) =>
      vi.waitFor(() => expect(video(receiver)).toBeGreaterThan(10), soon)
    const http = async (
      server: number,
      method: string,
      path: string,
      headers: Record<string, string>,
      body?: string,
    ) => {
      const response = await fetch(new URL(path, at(server)), {
        ...{ method, headers, ...(body !== undefined && { body }) },
      })
      const text = await response.text()
      const problem = /problem\+json/.test(response.headers.get('content-type') ?? '')
      const code = problem ? (JSON.parse(text) as { code: string }).code : undefined
      return { status: response.status, code, headers: response.headers, text }
    }
    const post = (server: number, path: string, token: string, body: string, type = offerType) =>
      http(server, 'POST', path, { authorization: `Bearer ${token}`, 'content-type': type }, body)

    test('RTC-185: REST on a room answers the same at any process', async () => {
      const path = '/v1/rtc/rooms/asked'
      const alice = await join(holder, 'alice', 'asked')
      const bob = await join(other, 'bob', 'asked')
      await alice.publish()
      const expectOfBoth = async (what: string, expected: object, options = {}) => {
        for (const server of [holder, other]) {
          const answer = await cloud.call('GET', `${path}${what}`, undefined, { ...options, server })
          expect(answer).toMatchObject(expected)
        }
      }
      await expectOfBoth('', { status: 200, body: { id: 'asked', participantCount: 2 } })
      await expectOfBoth('/participants', {
        body: {
          items: [
            { id: alice.id, publications: [{}, {}] },
            { id: bob.id, publications: [] },
          ],
        },
      })
      const token = await cloud.token('mallory', { grants: { rtc: { room: 'another' } } })
      await expectOfBoth('', { status: 403, body: { code: 'grant-missing' } }, { token })
      const authorization = await foreignKey()
      const foreign = { headers: { authorization } }
      await expectOfBoth('', { status: 404, body: { code: 'room-not-found' } }, foreign)

      const remove = (id: string, options = {}) =>
        cloud.call('DELETE', `${path}/participants/${id}`, undefined, { server: other, ...options })
      const plain = await cloud.token('carol')
      expect(await remove(alice.id, { token: plain })).toMatchObject({ body: { code: 'grant-missing' } })
      expect(await remove('part_none')).toMatchObject({ body: { code: 'participant-not-found' } })
      expect(await remove(alice.id)).toMatchObject({ status: 200 })
      await alice.client.waitFor('rtc.closed', ({ reason }) => reason === 'removed')
      expect(await remove(alice.id)).toMatchObject({ body: { code: 'participant-not-found' } })
      expect(await cloud.call('DELETE', path, undefined, { server: other })).toMatchObject({ status: 200 })
      await bob.client.waitFor('rtc.closed', ({ reason }) => reason === 'room-closed')
      await expectOfBoth('', { status: 404 })
    }, 60_000)

    test('RTC-185: where nobody holds the room, the process that is asked answers', async () => {
      await cloud.call('POST', '/v1/rtc/rooms', { id: 'quiet' }, { server: holder })
      const path = '/v1/rtc/rooms/quiet'
      expect(await cloud.call('GET', path, undefined, { server: other })).toMatchObject({
        body: { participantCount: 0 },
      })
      expect(await cloud.call('DELETE', path, undefined, { server: other })).toMatchObject({ status: 200 })
    })

    test('RTC-186: WHIP and WHEP at a process that does not hold the room', async () => {
      const alice = await join(holder, 'alice', 'live')
      const publishing = await cloud.token('studio', { grants: { rtc: { room: 'live', publish: true } } })
      const playing = await cloud.token('viewer', { grants: { rtc: { room: 'live', subscribe: true } } })
      const whip = '/v1/rtc/rooms/live/whip'
      const publisher = peer({ send: both })
      const published = await post(other, whip, publishing, await publisher.createOffer())
      expect(published.status).toBe(201)
      publisher.acceptAnswer(published.text)
      const player = peer({ receive: { audio: 1, video: 1 } })
      const played = await post(other, '/v1/rtc/rooms/live/whep', playing, await player.createOffer())
      expect(played.status).toBe(201)
      player.acceptAnswer(played.text)
      await Promise.all([plays(player), plays(alice.subscriber)])

      const location = published.headers.get('location') ?? ''
      const tag = published.headers.get('etag') ?? ''
      const patch = (server: number, body: string, ifMatch?: string, token = publishing) =>
        http(
          ...([server, 'PATCH', location] as const),
          {
            ...{ authorization: `Bearer ${token}`, 'content-type': fragmentType },
            ...(ifMatch !== undefined && { 'if-match': ifMatch }),
          },
          body,
        )
      const trickled =
        'm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n'
      for (const server of [holder, other]) {
        expect((await patch(server, trickled, tag)).status).toBe(204)
        expect(await patch(server, trickled)).toMatchObject({ status: 428, code: 'precondition-required' })
        expect(await patch(server, trickled, '"1"')).toMatchObject({ status: 412, code: 'version-mismatch' })
        expect(await patch(server, 'nonsense', tag)).toMatchObject({ status: 400, code: 'invalid-request' })
        expect(await patch(server, trickled, tag, playing)).toMatchObject({ status: 403, code: 'forbidden' })
      }
      const credential = (name: string, sdp: string) =>
        new RegExp(`a=ice-${name}:(\\S+)`).exec(sdp)?.[1] ?? ''
      const offer = await publisher.createOffer({ iceRestart: true })
      const fragment = ['ufrag', 'pwd'].map((name) => `a=ice-${name}:${credential(name, offer)}\r\n`).join('')
      const restarted = await patch(other, fragment, '*')
      expect(restarted.status).toBe(200)
      expect(restarted.headers.get('etag')).not.toBe(tag)
      publisher.acceptAnswer(
        ['ufrag', 'pwd'].reduce(
          (sdp, name) => sdp.replaceAll(credential(name, published.text), credential(name, restarted.text)),
          published.text,
        ),
      )
      const before = video(player)
      await vi.waitFor(() => expect(video(player)).toBeGreaterThan(before + 10), soon)

      const end = (server: number, token: string) =>
        http(server, 'DELETE', location, { authorization: `Bearer ${token}` })
      expect(await end(other, playing)).toMatchObject({ status: 403, code: 'forbidden' })
      expect((await end(other, publishing)).status).toBe(200)
      await alice.client.waitFor('rtc.participant-left')
      for (const server of [holder, other]) {
        expect(await end(server, publishing)).toMatchObject({ status: 404, code: 'not-found' })
      }
    }, 60_000)

    test('RTC-186: what is wrong with a request of WHIP or WHEP is answered the same at any process', async () => {
      await join(holder, 'alice', 'wrong')
      const publishing = await cloud.token('studio', {
        grants: { rtc: { room: 'wrong', publish: ['camera'] } },
      })
      const playing = await cloud.token('viewer', { grants: { rtc: { room: 'wrong', subscribe: true } } })
      const sending = await peer({ send: both }).createOffer()
      const receiving = await peer({ receive: { audio: 1 } }).createOffer()
      const requests: Parameters<typeof post> extends [number, ...infer Rest] ? Rest[] : never = [
        ['/v1/rtc/rooms/wrong/whip', 'forged', sending],
        ['/v1/rtc/rooms/wrong/whip', playing, sending],
        ['/v1/rtc/rooms/wrong/whep', publishing, receiving],
        ['/v1/rtc/rooms/elsewhere/whip', publishing, sending],
        ['/v1/rtc/rooms/wrong/whip', publishing, sending, 'text/plain'],
        ['/v1/rtc/rooms/wrong/whip', publishing, 'nonsense'],
        ['/v1/rtc/rooms/wrong/whip', publishing, `${sending}a=x:${'x'.repeat(300_000)}`],
        ['/v1/rtc/rooms/wrong/whip', publishing, receiving],
        // Sound is not granted.
        ['/v1/rtc/rooms/wrong/whip', publishing, sending],
        ['/v1/rtc/rooms/wrong/whep', playing, sending],
      ]
      for (const request of requests) {
        const [there, here] = await Promise.all([post(other, ...request), post(holder, ...request)])
        expect(there.status).toBeGreaterThanOrEqual(400)
        expect(there.status).toBeLessThan(500)
        expect({ status: there.status, code: there.code }).toEqual({ status: here.status, code: here.code })
      }
      const { body } = await cloud.call('GET', '/v1/rtc/rooms/wrong', undefined, { server: other })
      expect(body).toMatchObject({ participantCount: 1 })
    }, 60_000)

    test('RTC-188: attempts at one call under an Idempotency-Key send one message, whichever process they come to', async () => {
      const path = '/v1/rtc/rooms/told/data'
      const bob = await DataMember.join({ url: at(holder), token: await cloud.token('bob'), roomId: 'told' })
      closing.push(bob)
      const send = (server: number, text: string, key: string) =>
        cloud.call('POST', path, { text }, { server, headers: { 'idempotency-key': key } })
      // As after an attempt whose answer never came back from the holder.
      const forget = async () => {
        const client = new pg.Client(cloud.databaseUrl)
        await client.connect()
        await client.query("select set_config('parley.project_id', '*', false)")
        const { rowCount } = await client.query("delete from http.idempotency_keys where key = 'once'")
        await client.end()
        expect(rowCount).toBe(1)
      }
      for (const server of [other, holder, other]) {
        expect(await send(server, 'first', 'once')).toMatchObject({ body: { receivers: 1 } })
        await forget()
      }
      expect(await send(other, 'second', 'another')).toMatchObject({ body: { receivers: 1 } })
      await vi.waitFor(() => expect(bob.texts()).toContain('second'), soon)
      expect(bob.texts()).toEqual(['first', 'second'])
    }, 60_000)
  },
)
