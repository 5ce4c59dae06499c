import { expect, test } from 'vitest'
import type { Section } from './publish-connection.ts'
import { SealWatch } from './seal-watch.ts'
import type { RoomStatistics } from './statistics.ts'

test('RTC-107: a sender whose frames leave without having been sealed is stopped, others go on', () => {
  const stopped: string[] = []
  const section = (publicationId: string, sealing: Section['sealing'], live = true) =>
    ({
      ...{ publicationId, sealing, live },
      transceiver: { sender: { replaceTrack: async () => void stopped.push(publicationId) } },
    }) as unknown as Section
  const sections = [
    section('sealed', 'ok'),
    section('leaking', undefined),
    section('ended', undefined, false),
  ]
  const statistics = {
    published: ['sealed', 'leaking', 'ended'].map((publicationId) => ({ publicationId, kbps: 30 })),
  } as unknown as RoomStatistics
  const watch = new SealWatch()
  watch.look(sections, statistics)
  expect(stopped).toEqual([])
  watch.look(sections, statistics)
  expect(stopped).toEqual(['leaking'])
})
