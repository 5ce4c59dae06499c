import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { SyntheticPeer } from '@parley/testing/rtc-client'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { buildSfu } from './build-sfu.ts'
import { CallMember, type CallMemberOptions } from './call-member.ts'

const missing = await buildSfu()
const soon = { timeout: 15_000, interval: 50 }
const refused = { code: 'e2ee-room' }

describe.skipIf(missing !== '')(`end-to-end encrypted rooms${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  const members: CallMember[] = []

  beforeAll(async () => {
    cloud = await startDevCloud({ env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1' } })
  })
  afterEach(async () => {
    await Promise.all(members.splice(0).map((member) => member.close()))
  })
  afterAll(() => cloud.close())

  async function join(userId: string, roomId: string, more: Partial<CallMemberOptions> = {}) {
    const token = await cloud.token(userId)
    const member = await CallMember.join({ url: cloud.url, token, roomId, device: userId, ...more })
    members.push(member)
    return member
  }
  const make = (body: object) => cloud.call('POST', '/v1/rtc/rooms', body)
  const show = async (roomId: string) => (await cloud.call('GET', `/v1/rtc/rooms/${roomId}`)).body

  test('RTC-103: a room made for it takes only who encrypts, and stays so when it is empty', async () => {
    expect((await make({ id: 'sealed', e2ee: true })).body).toMatchObject({ e2ee: true })
    await expect(join('carol', 'sealed')).rejects.toMatchObject(refused)
    const alice = await join('alice', 'sealed', { e2ee: true })
    await expect(join('carol', 'sealed')).rejects.toMatchObject(refused)
    await alice.close()
    await expect(join('carol', 'sealed')).rejects.toMatchObject(refused)
    expect(await show('sealed')).toMatchObject({ e2ee: true, participantCount: 0 })
  })

  test('RTC-103: a room that is not made for it refuses who encrypts', async () => {
    expect((await make({ id: 'open' })).body).toMatchObject({ e2ee: false })
    await expect(join('alice', 'open', { e2ee: true })).rejects.toMatchObject(refused)
    await join('carol', 'open')
    await expect(join('alice', 'open', { e2ee: true })).rejects.toMatchObject(refused)
  })

  test('RTC-103: the first who joins decides for a room that nobody has made', async () => {
    await join('alice', 'first', { e2ee: true })
    expect(await show('first')).toMatchObject({ e2ee: true })
    await expect(join('carol', 'first')).rejects.toMatchObject(refused)
  })

  test('RTC-104: sound goes as plain Opus and pictures as VP8 or VP9, and both are forwarded', async () => {
    const alice = await join('alice', 'codecs', { e2ee: true, send: { audio: true, video: true } })
    const bob = await join('bob', 'codecs', { e2ee: true })
    await alice.publish()
    await vi.waitFor(() => {
      const inbound = bob.subscriber.statistics().inbound
      expect(inbound.find(({ kind }) => kind === 'audio')?.packets).toBeGreaterThan(20)
      expect(inbound.find(({ kind }) => kind === 'video')?.frames).toBeGreaterThan(20)
    }, soon)
    const peer = new SyntheticPeer({ send: { audio: true } })
    try {
      const offer = (await peer.createOffer()).replace(
        /^(m=audio .*)\r\n/m,
        '$1 0\r\na=rtpmap:0 PCMU/8000\r\n',
      )
      expect(offer).toMatch(/red\/48000/i)
      const carol = await join('carol', 'codecs', { e2ee: true })
      const publications = [{ mid: '0', kind: 'audio' as const, source: 'microphone' as const }]
      const answer = await carol.client.request('rtc.publish', { roomId: 'codecs', sdp: offer, publications })
      expect(answer.sdp).toMatch(/opus\/48000/)
      expect(answer.sdp).not.toMatch(/red\/48000|PCMU/)
      const unknown = offer.replaceAll('opus/48000/2', 'G722/8000')
      await expect(
        carol.client.request('rtc.publish', { roomId: 'codecs', sdp: unknown, publications }),
      ).rejects.toMatchObject({ code: 'sdp-not-supported' })
    } finally {
      peer.close()
    }
  })

  test('RTC-104: WHIP and WHEP cannot encrypt: they are refused, and make no such room', async () => {
    await make({ id: 'stage', e2ee: true })
    const token = await cloud.token('studio')
    for (const kind of ['whip', 'whep']) {
      const response = await fetch(`${cloud.url}/v1/rtc/rooms/stage/${kind}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/sdp' },
        body: await offerFor(kind),
      })
      expect(response.status, kind).toBe(422)
      expect(await response.json(), kind).toMatchObject(refused)
    }
  })

  async function offerFor(kind: string): Promise<string> {
    const peer = new SyntheticPeer({ send: { audio: true } })
    try {
      const offer = await peer.createOffer()
      return kind === 'whip' ? offer : offer.replaceAll('a=sendonly', 'a=recvonly')
    } finally {
      peer.close()
    }
  }
})
