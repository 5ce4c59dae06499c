import type { RemoteParticipant } from './participant.ts'
import { type Quality, qualityOf, type RoomStatistics } from './statistics.ts'

export interface RoomQuality {
  own: Quality
  others: Map<RemoteParticipant, Quality>
}

/** How well this client is connected, and how well each of the others reaches it. */
export function roomQuality(
  { received, roundTripMs, uplinkLoss, downlinkLoss }: RoomStatistics,
  room: { participants: Iterable<RemoteParticipant>; hasLostPublish: boolean; hasLostSubscribe: boolean },
): RoomQuality {
  const own = qualityOf({
    lost: room.hasLostPublish || room.hasLostSubscribe,
    roundTripMs,
    loss: Math.max(uplinkLoss, downlinkLoss),
    freezeMs: 0,
    concealed: worst(received.map(({ concealed }) => concealed ?? 0)),
  })
  const others = new Map<RemoteParticipant, Quality>()
  for (const participant of room.participants) {
    const tracks = received.filter(({ publicationId }) => participant.publications.has(publicationId ?? ''))
    if (tracks.length === 0) others.set(participant, 'unknown')
    else {
      others.set(
        participant,
        qualityOf({
          lost: room.hasLostSubscribe,
          roundTripMs,
          loss: worst(tracks.map(({ loss }) => loss)),
          freezeMs: worst(tracks.map(({ freezeMs }) => freezeMs)),
          concealed: worst(tracks.map(({ concealed }) => concealed ?? 0)),
        }),
      )
    }
  }
  return { own, others }
}

function worst(values: readonly number[]): number {
  return Math.max(0, ...values)
}
