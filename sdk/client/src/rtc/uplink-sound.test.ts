import { expect, test } from 'vitest'
import type { Section } from './publish-connection.ts'
import type { PublishedLayer, RoomStatistics } from './statistics.ts'
import { UplinkSound } from './uplink-sound.ts'

const usual = { loss: 0, resent: 0, roundTripMs: 40 }

function microphone(hasRedundancy: boolean) {
  const depths: number[] = []
  const bitrates: (number | undefined)[] = []
  const sender = {
    getParameters: () => ({ encodings: [{}] }),
    setParameters: async ({ encodings: [encoding] }: RTCRtpSendParameters) => {
      bitrates.push(encoding?.maxBitrate)
    },
  }
  const section = {
    ...{ kind: 'audio', source: 'microphone', live: true, publicationId: 'pub_1', packetMs: 20 },
    redundancy: hasRedundancy ? { setDepth: (depth: number) => depths.push(depth) } : undefined,
    transceiver: { sender },
  } as unknown as Section
  const sound = new UplinkSound()
  let atMs = 0
  const report = (layer: Partial<PublishedLayer>, availableUplinkKbps = 300) => {
    atMs += 2_000
    const published = [{ ...usual, publicationId: 'pub_1', ...layer }]
    return sound.update([section], { published, availableUplinkKbps, atMs } as unknown as RoomStatistics)
  }
  return { section, depths, bitrates, report }
}

test('RTC-100: what had to be sent again counts as lost, though the server reports it as received', () => {
  const { depths, report } = microphone(true)
  report({ loss: 0.25, resent: 0.5 })
  // Half of the first sendings: a quarter never came, a quarter came when it was sent again.
  expect(depths).toEqual([8])
})

test('RTC-101: the bitrate falls for redundancy alone', () => {
  const [withRedundancy, without] = [microphone(true), microphone(false)]
  for (const { report } of [withRedundancy, without]) report({ loss: 0.8 })
  expect(withRedundancy.bitrates).toEqual([20_000])
  expect(without.bitrates).toEqual([])
})

test('RTC-102: longer packets are asked for with the next negotiation, and taken back', () => {
  const { section, bitrates, report } = microphone(false)
  expect(report({})).toBe(false)
  expect(report({}, 50)).toBe(true)
  expect(section.packetMs).toBe(60)
  for (let turn = 0; turn < 4; turn++) report({})
  expect(section.packetMs).toBe(20)
  expect(bitrates).toEqual([16_000, undefined])
})
