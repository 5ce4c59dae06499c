import { type DevCloud, RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import { mediaWorkers } from '@parley/testing/media-workers'
import { SyntheticPeer } from '@parley/testing/rtc-client'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { buildSfu } from './build-sfu.ts'
import { CallMember } from './call-member.ts'

const missing = await buildSfu()
const soon = { timeout: 15_000, interval: 50 }
const publication = { mid: '0', kind: 'audio', source: 'microphone', muted: false } as const

describe.skipIf(missing !== '')(
  `after the end of a media worker${missing && ` (skipped: ${missing})`}`,
  () => {
    let cloud: DevCloud
    beforeAll(async () => {
      cloud = await startDevCloud({ env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1' } })
    })
    afterAll(() => cloud.close())

    const join = async (userId: string, roomId: string) =>
      CallMember.join({
        ...{ url: cloud.url, token: await cloud.token(userId), roomId, device: `${userId} ${roomId}` },
        send: { audio: true },
      })
    /** A client by hand: it publishes sound, and answers nothing by itself. */
    const publisher = async (userId: string, roomId: string, participantId?: string) => {
      const client = await RealtimeClient.connect(cloud.url, await cloud.token(userId), `${userId} by hand`)
      const joined = await client.request('rtc.join', {
        ...{ roomId, ...(participantId !== undefined && { participantId }) },
      })
      const peer = new SyntheticPeer({ send: { audio: true } })
      const publish = async (options: { iceRestart?: boolean; publicationId?: string } = {}) => {
        const { publicationId } = options
        const publications = [{ ...publication, ...(publicationId !== undefined && { publicationId }) }]
        const answer = await client.request('rtc.publish', {
          ...{ roomId, sdp: await peer.createOffer(options), publications },
        })
        peer.acceptAnswer(answer.sdp)
        await peer.connected
        return answer.publications[0]?.id ?? ''
      }
      const close = async () => {
        peer.close()
        await client.close()
      }
      return { client, joined, peer, publish, close }
    }
    const killWorkers = () => {
      for (const pid of mediaWorkers()) process.kill(pid, 'SIGKILL')
    }
    const heard = (member: CallMember) =>
      member.subscriber.statistics().inbound.reduce((sum, { frames }) => sum + frames, 0)

    test('RTC-84: a publication goes on under its id from a new connection, and from no old one', async () => {
      const bob = await join('bob', 'goes-on')
      const alice = await publisher('alice', 'goes-on')
      const id = await alice.publish()
      await vi.waitFor(() => expect(heard(bob)).toBeGreaterThan(5), soon)
      killWorkers()
      await alice.client.waitFor('rtc.moved')
      await expect(alice.publish({ iceRestart: true, publicationId: id })).rejects.toMatchObject({
        code: 'conflict',
      })
      const again = new SyntheticPeer({ send: { audio: true } })
      const answer = await alice.client.request('rtc.publish', {
        ...{ roomId: 'goes-on', sdp: await again.createOffer() },
        publications: [{ ...publication, muted: true, publicationId: id }],
      })
      expect(answer.publications).toEqual([{ mid: '0', id }])
      await bob.client.waitFor('rtc.publication-changed', (event) => event.publication.muted)
      again.acceptAnswer(answer.sdp)
      await alice.client.request('rtc.mute', { roomId: 'goes-on', publicationId: id, muted: false })
      await vi.waitFor(() => expect(heard(bob)).toBeGreaterThan(5), soon)
      expect(bob.client.events.map(({ type }) => type)).not.toContain('rtc.publication-removed')
      again.close()
      await alice.close()
      await bob.close()
    }, 30_000)

    test('RTC-19, RTC-84: who offers from another connection goes on with what it names, and the rest ends', async () => {
      const roomId = 'replaced'
      const bob = await join('bob', roomId)
      const alice = await publisher('alice', roomId)
      const id = await alice.publish()
      await vi.waitFor(() => expect(heard(bob)).toBeGreaterThan(5), soon)
      const offerOf = async (peer: SyntheticPeer, publicationId?: string) => ({
        ...{ roomId, sdp: await peer.createOffer() },
        publications: [{ ...publication, ...(publicationId !== undefined && { publicationId }) }],
      })
      const second = new SyntheticPeer({ send: { audio: true } })
      const again = await alice.client.request('rtc.publish', await offerOf(second, id))
      expect(again.publications).toEqual([{ mid: '0', id }])
      second.acceptAnswer(again.sdp)
      await vi.waitFor(() => expect(second.statistics().outbound[0]?.packets ?? 0).toBeGreaterThan(5), soon)
      const before = heard(bob)
      await vi.waitFor(() => expect(heard(bob)).toBeGreaterThan(before + 10), soon)
      expect(bob.client.events.map(({ type }) => type)).not.toContain('rtc.publication-removed')
      const third = new SyntheticPeer({ send: { audio: true } })
      const other = await alice.client.request('rtc.publish', await offerOf(third))
      expect(other.publications[0]?.id).not.toBe(id)
      await bob.client.waitFor('rtc.publication-removed', ({ publicationId }) => publicationId === id)
      for (const peer of [second, third]) peer.close()
      await alice.close()
      await bob.close()
    }, 30_000)

    test('RTC-84: an offer that comes between the end and the move waits, and hears of the move first', async () => {
      const roomId = 'between'
      const alice = await publisher('alice', roomId)
      await alice.publish()
      killWorkers()
      const sdp = await alice.peer.createOffer()
      const offer = () => alice.client.request('rtc.publish', { roomId, sdp, publications: [publication] })
      const refused = await vi.waitFor(async () => {
        const outcome = await offer().catch((error: unknown) => error)
        expect(outcome).toBeInstanceOf(Error)
        return outcome
      }, soon)
      expect(refused).toMatchObject({ code: 'conflict' })
      expect(alice.client.events.map(({ type }) => type)).toContain('rtc.moved')
      await alice.close()
    }, 30_000)

    test('RTC-84: what its publisher does not take up again ends after 10 s', async () => {
      const bob = await join('bob', 'forgotten')
      const alice = await publisher('alice', 'forgotten')
      const id = await alice.publish()
      await bob.client.waitFor('rtc.publication-added', (event) => event.publication.id === id)
      killWorkers()
      await bob.client.waitFor('rtc.publication-removed', ({ publicationId }) => publicationId === id, 20_000)
      expect(bob.client.events.map(({ type }) => type)).not.toContain('rtc.participant-left')
      await alice.close()
      await bob.close()
    }, 40_000)

    test('RTC-84: who was away hears of the move when the place is taken up', async () => {
      const bob = await join('bob', 'away')
      const alice = await publisher('alice', 'away')
      const id = await alice.publish()
      await vi.waitFor(() => expect(heard(bob)).toBeGreaterThan(5), soon)
      const { subscriber } = bob
      alice.client.terminate()
      alice.peer.close()
      killWorkers()
      await vi.waitFor(() => expect(bob.subscriber).not.toBe(subscriber), soon)
      const back = await publisher('alice', 'away', alice.joined.participantId)
      expect(back.joined.resumed).toBe(true)
      await back.client.waitFor('rtc.moved')
      expect(await back.publish({ publicationId: id })).toBe(id)
      await vi.waitFor(() => expect(heard(bob)).toBeGreaterThan(5), soon)
      await back.close()
      await bob.close()
    }, 30_000)

    test('RTC-84: sessions by HTTP cannot be told, and end', async () => {
      const bob = await join('bob', 'by-http')
      const token = await cloud.token('alice')
      const peer = new SyntheticPeer({ send: { audio: true } })
      const response = await fetch(new URL('/v1/rtc/rooms/by-http/whip', cloud.url), {
        ...{ method: 'POST', body: await peer.createOffer() },
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/sdp' },
      })
      expect(response.status).toBe(201)
      peer.acceptAnswer(await response.text())
      await bob.client.waitFor('rtc.participant-joined')
      await peer.connected
      killWorkers()
      expect(await bob.client.waitFor('rtc.participant-left')).toMatchObject({ reason: 'connection-lost' })
      expect(bob.client.events.map(({ type }) => type)).not.toContain('rtc.closed')
      peer.close()
      await bob.close()
    }, 30_000)
  },
)
