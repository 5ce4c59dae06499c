import type { EndpointAnswer, rtcEndpoints } from '@parley/contracts'
import type { Parley } from './parley.ts'
import { segment } from './rest.ts'

type Endpoints = typeof rtcEndpoints
export type RoomFacts = EndpointAnswer<Endpoints['getRoom']>
export type ParticipantFacts = EndpointAnswer<Endpoints['listParticipants']>['items'][number]

// Rooms as seen from outside, without joining them: `parley.rtc.join` is for taking part.

/** Rejects with `room-not-found`, or `grant-missing` where the token does not reach the room. */
export function getRoom(parley: Parley, roomId: string): Promise<RoomFacts> {
  return parley.rest.call('GET', pathOf(roomId))
}

/** Who is in a room, and what they publish. */
export async function listParticipants(parley: Parley, roomId: string): Promise<ParticipantFacts[]> {
  type Page = EndpointAnswer<Endpoints['listParticipants']>
  return (await parley.rest.call<Page>('GET', `${pathOf(roomId)}/participants`)).items
}

/** Sends a participant out; takes a token with grant `rtc.admin`. */
export async function removeParticipant(
  parley: Parley,
  roomId: string,
  participantId: string,
): Promise<void> {
  await parley.rest.call('DELETE', `${pathOf(roomId)}/participants/${segment(participantId)}`)
}

const pathOf = (roomId: string): string => `/v1/rtc/rooms/${segment(roomId)}`
