import { type ClientFrameType, clientFrames, rtcEndpoints, whipEndpoints } from '@parley/contracts'
import { fuzzEndpoints, oddId, oddValue, valueFor } from '@parley/core/http/fuzz'
import { createLogger } from '@parley/core/kernel'
import { type DevCloud, RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import { SyntheticPeer } from '@parley/testing/rtc-client'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { buildSfu } from './build-sfu.ts'

const missing = await buildSfu()
const generous = {
  PARLEY_HTTP_KEY_BURST: '100000',
  PARLEY_HTTP_USER_BURST: '100000',
  PARLEY_HTTP_FAILURE_BURST: '100000',
  PARLEY_GATEWAY_FRAME_BURST: '100000',
}

describe.skipIf(missing !== '')(`hostile input${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  let client: RealtimeClient
  let participantId = ''

  beforeAll(async () => {
    cloud = await startDevCloud({
      logger: createLogger({ level: 'error' }),
      env: { ...generous, PARLEY_MEDIA_ADDRESSES: '127.0.0.1' },
    })
    await join()
  })
  afterAll(async () => {
    await client.close()
    await cloud.close()
  })

  async function join(): Promise<void> {
    client = await RealtimeClient.connect(cloud.url, await cloud.token('mallory'), 'fuzz')
    participantId = (await client.request('rtc.join', { roomId: 'fuzzed' })).participantId
  }
  const outcome = (type: ClientFrameType, body: object): Promise<string> =>
    client.request(type, body as never).then(
      () => 'ok',
      (error: { code?: string }) => error.code ?? 'closed',
    )

  test('RTC-12: no frame gives an internal error', async () => {
    const types = Object.keys(clientFrames).filter((type) => type.startsWith('rtc.')) as ClientFrameType[]
    const frame = fc.constantFrom(...types).chain((type) =>
      fc.record({
        type: fc.constant(type),
        body: fc.oneof(
          valueFor(z.toJSONSchema(clientFrames[type], { io: 'input', unrepresentable: 'any' }), {
            odd: true,
          }),
          fc.dictionary(oddId, oddValue),
        ),
      }),
    )
    await fc.assert(
      fc.asyncProperty(frame, async ({ type, body }) => {
        const answer = await outcome(type, { ...(body as object), roomId: 'fuzzed' })
        expect(answer).not.toBe('internal-error')
        if (answer === 'closed' || answer === 'participant-not-found') {
          await client.close()
          await join()
        }
      }),
      { numRuns: 300, interruptAfterTimeLimit: 15_000 },
    )
  }, 40_000)

  test('RTC-12: no description gives an internal error', async () => {
    const peer = new SyntheticPeer({
      address: '127.0.0.1',
      send: { audio: true, video: { layers: [{ rid: 'q', bitrateKbps: 50, width: 160, height: 90 }] } },
    })
    const lines = (await peer.createOffer()).split('\r\n')
    peer.close()
    const publications = [
      { mid: '0', kind: 'audio', source: 'microphone' },
      { mid: '1', kind: 'video', source: 'camera' },
    ]
    const index = fc.nat(lines.length - 1)
    const change = fc.oneof(
      fc.record({ drop: index }),
      fc.record({ twice: index }),
      fc.record({ at: index, text: fc.string({ maxLength: 40 }) }),
      fc.record({ at: index, digit: fc.nat(70_000) }),
      fc.record({ from: index, to: index }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const sdp = changes.reduce((text, one) => mutate(text, one), lines).join('\r\n')
        const frame = await outcome('rtc.publish', { roomId: 'fuzzed', sdp, publications })
        expect(frame).not.toBe('internal-error')
        const answer = await outcome('rtc.subscribe-answer', { roomId: 'fuzzed', sdp, version: 1 })
        expect(answer).not.toBe('internal-error')
      }),
      { numRuns: 300, interruptAfterTimeLimit: 15_000 },
    )
  }, 40_000)

  test('RTC-12: no REST input gives a 5xx', async () => {
    const basic = `Basic ${Buffer.from(`${cloud.keyId}:${cloud.keySecret}`).toString('base64')}`
    await fuzzEndpoints({
      url: cloud.url,
      endpoints: [...Object.values(rtcEndpoints), ...Object.values(whipEndpoints)],
      credentials: { key: basic, user: `Bearer ${await cloud.token('mallory')}`, operator: basic },
      knownIds: ['fuzzed', participantId],
      runsPerEndpoint: 10,
      invariant: async () => undefined,
    })
  }, 60_000)
})

type Change =
  | { drop: number }
  | { twice: number }
  | { at: number; text: string }
  | { at: number; digit: number }
  | { from: number; to: number }

function mutate(lines: string[], change: Change): string[] {
  if ('drop' in change) return lines.toSpliced(change.drop, 1)
  if ('twice' in change) return lines.toSpliced(change.twice, 0, lines[change.twice] ?? '')
  if ('from' in change) return lines.toSpliced(change.to, 1, lines[change.from] ?? '')
  const line = lines[change.at] ?? ''
  if ('digit' in change) return lines.toSpliced(change.at, 1, line.replace(/\d+/, String(change.digit)))
  return lines.toSpliced(change.at, 1, line.slice(0, 2) + change.text)
}
