import type { Participant, Publication, ServerEvent } from '@parley/contracts'
import { parseSdp } from '@parley/protocols/sdp'
import { RealtimeClient } from '@parley/testing/devcloud'
import { type ParleyAddress, userToken } from '../parley/parley-door.ts'
import { identityOf, memberOfUser } from './identity.ts'
import type { Listener } from './listener.ts'

/** Lets a listener in as a member, who is told whose sound comes on which SSRC. It stays until the process ends. */
export async function listenAsMember(
  listener: Listener,
  address: ParleyAddress,
  userId: string,
): Promise<void> {
  const { roomId } = address
  const client = await RealtimeClient.connect(address.url, userToken(address, userId), userId)
  const members = new Map<string, number>()
  const owners = new Map<string, number>()
  const learn = (member: number | undefined, { id }: Publication): void => {
    if (member !== undefined && Number.isInteger(member)) owners.set(id, member)
  }
  const meet = ({ id, userId: who, publications }: Participant): void => {
    members.set(id, memberOfUser(who))
    for (const publication of publications) learn(members.get(id), publication)
  }
  let answering: Promise<unknown> = Promise.resolve()
  let refuse: (error: unknown) => void = () => undefined
  const answered = new Promise<void>((resolve, reject) => {
    refuse = reject
    const answer = async (event: Extract<ServerEvent, { type: 'rtc.subscribe-offer' }>): Promise<void> => {
      const publications = new Map(event.tracks.map(({ mid, publicationId }) => [mid, publicationId]))
      for (const { mid, sources } of parseSdp(event.sdp).media) {
        const member = owners.get(publications.get(mid) ?? '')
        if (member === undefined) continue
        for (const { ssrc } of sources) listener.announce(ssrc, identityOf(member, 'audio'))
      }
      const sdp = await listener.answer(event.sdp)
      await client.request('rtc.subscribe-answer', { roomId, version: event.version, sdp })
      resolve()
    }
    client.onEvent = (event) => {
      client.events.length = 0
      if (event.type === 'rtc.participant-joined') meet(event.participant)
      else if (event.type === 'rtc.publication-added')
        learn(members.get(event.participantId), event.publication)
      else if (event.type === 'rtc.subscribe-offer') {
        answering = answering.then(() => answer(event)).catch((error: unknown) => refuse(error))
      }
    }
  })
  const { participants } = await client.request('rtc.join', { roomId })
  for (const participant of participants) meet(participant)
  await answered
}
