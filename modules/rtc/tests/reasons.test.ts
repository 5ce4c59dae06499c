import type { SubscriptionReason } from '@parley/contracts'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { createWeakNetwork, type WeakNetwork } from '@parley/testing/weaknet'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { buildSfu } from './build-sfu.ts'
import { CallMember, type CallMemberOptions } from './call-member.ts'

const missing = await buildSfu()
const soon = { timeout: 20_000, interval: 50 }

describe.skipIf(missing !== '')(`reasons${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  const members: CallMember[] = []
  const networks: WeakNetwork[] = []

  beforeAll(async () => {
    cloud = await startDevCloud({
      // Paths are judged by loss alone here: that way is for receivers without feedback, too.
      env: {
        ...{ PARLEY_MEDIA_ADDRESSES: '127.0.0.1', PARLEY_RTC_LOUDEST: '1', PARLEY_RTC_CONSENT_MS: '1500' },
        PARLEY_RTC_CONGESTION: 'false',
      },
    })
  })
  afterEach(async () => {
    await Promise.all(members.splice(0).map((member) => member.close()))
    for (const network of networks.splice(0)) network.close()
  })
  afterAll(() => cloud?.close())

  async function join(roomId: string, userId: string, more: Partial<CallMemberOptions> = {}) {
    const token = await cloud.token(userId)
    const options = { url: cloud.url, token, roomId, device: userId, consentMs: 300, ...more }
    const member = await CallMember.join(options)
    members.push(member)
    return member
  }

  /** A way to the server that can be spoilt later. */
  function viaNetwork(): { receiveVia: (port: number) => Promise<number>; network: () => WeakNetwork } {
    let network: WeakNetwork | undefined
    return {
      receiveVia: async (port) => {
        network ??= await createWeakNetwork({ target: { address: '127.0.0.1', port } })
        networks.push(network)
        return network.port
      },
      network: () => {
        if (network === undefined) throw new Error('nothing came this way yet')
        return network
      },
    }
  }

  test('RTC-18: every change of what is sent has its reason', async () => {
    const roomId = 'every reason'
    const layers = [
      { rid: 'q', bitrateKbps: 100, width: 320, height: 180 },
      { rid: 'f', bitrateKbps: 600, width: 1280, height: 720 },
    ]
    const alice = await join(roomId, 'alice', { send: { audio: { level: 60 }, video: { layers } } })
    const { receiveVia, network } = viaNetwork()
    const bob = await join(roomId, 'bob', { receiveVia })
    await alice.publish()
    const [voice = '', camera = ''] = alice.publications.map(({ id }) => id)
    /** Told after the last look, about this publication. */
    let seen = 0
    const becomes = async (publicationId: string, active: boolean, reason: SubscriptionReason) => {
      await vi.waitFor(() => {
        const changes = bob.client.events.slice(seen)
        const index = changes.findIndex(
          (event) =>
            event.type === 'rtc.subscription-changed' &&
            event.publicationId === publicationId &&
            event.reason === reason,
        )
        expect(index, `${reason} is told`).toBeGreaterThanOrEqual(0)
        expect(changes[index]).toMatchObject({ active })
        seen += index + 1
      }, soon)
    }
    const wish = (item: object) =>
      bob.client.request('rtc.subscriptions', { roomId, items: [{ publicationId: camera, ...item }] })
    await becomes(camera, true, 'ok')
    await wish({ enabled: false })
    await becomes(camera, false, 'disabled-by-subscriber')
    await wish({})
    await becomes(camera, true, 'ok')
    await wish({ width: 0, height: 0 })
    await becomes(camera, false, 'disabled-by-subscriber')
    await wish({})
    await becomes(camera, true, 'ok')
    await alice.client.request('rtc.mute', { roomId, publicationId: camera, muted: true })
    await becomes(camera, false, 'muted')
    await alice.client.request('rtc.mute', { roomId, publicationId: camera, muted: false })
    await becomes(camera, true, 'ok')
    alice.publisher.setPaused('video', true)
    await becomes(camera, false, 'no-media')
    alice.publisher.setPaused('video', false)
    await becomes(camera, true, 'ok')
    const carol = await join(roomId, 'carol', { send: { audio: { level: 10 } } })
    await carol.publish()
    await becomes(voice, false, 'not-loudest')
    network().change({ down: { loss: 0.35 } })
    await becomes(camera, true, 'bandwidth')
    network().change({ down: {} })
    await becomes(camera, true, 'ok')
  }, 90_000)

  test('RTC-7: a path that says nothing any more ends the participation with `media-timeout`', async () => {
    const roomId = 'silence'
    const alice = await join(roomId, 'alice', { send: { audio: true } })
    const { receiveVia, network } = viaNetwork()
    const bob = await join(roomId, 'bob', { receiveVia })
    await alice.publish()
    await bob.subscriber.connected
    network().cut()
    expect(await bob.client.waitFor('rtc.closed')).toMatchObject({ roomId, reason: 'media-timeout' })
    const left = await alice.client.waitFor('rtc.participant-left')
    expect(left).toMatchObject({ participantId: bob.id, reason: 'media-timeout' })
    // Those who still consent stay.
    expect(alice.client.events.filter(({ type }) => type === 'rtc.closed')).toEqual([])
    const { body } = await cloud.call('GET', `/v1/rtc/rooms/${roomId}/participants`)
    expect(body).toMatchObject({ items: [{ id: alice.id }] })
  }, 40_000)

  test('RTC-10: a renewed token that opens less takes rights away, one that opens another room ends the stay with `grant-revoked`', async () => {
    const roomId = 'renewed'
    const alice = await join(roomId, 'alice', { send: { audio: true } })
    const bob = await join(roomId, 'bob')
    const renew = async (rtc: object) => {
      const token = await cloud.token('alice', { grants: { rtc } })
      await alice.client.request('auth', { token })
    }
    await renew({ room: roomId, subscribe: true })
    await expect(alice.publish()).rejects.toMatchObject({ code: 'grant-missing' })
    await renew({ room: 'elsewhere', publish: true, subscribe: true })
    expect(await alice.client.waitFor('rtc.closed')).toMatchObject({ roomId, reason: 'grant-revoked' })
    expect(await bob.client.waitFor('rtc.participant-left')).toMatchObject({ reason: 'grant-revoked' })
    await expect(alice.client.request('rtc.join', { roomId })).rejects.toMatchObject({
      code: 'grant-missing',
    })
  }, 40_000)

  test('RTC-10: a revoked token ends the stay with `grant-revoked` at once, without a kept place', async () => {
    const roomId = 'revoked'
    const alice = await join(roomId, 'alice', { send: { audio: true } })
    const bob = await join(roomId, 'bob')
    await alice.publish()
    expect((await cloud.call('POST', '/v1/users/alice/revoke-tokens')).status).toBeLessThan(300)
    const left = await bob.client.waitFor('rtc.participant-left')
    expect(left).toMatchObject({ participantId: alice.id, reason: 'grant-revoked' })
  }, 40_000)
})
