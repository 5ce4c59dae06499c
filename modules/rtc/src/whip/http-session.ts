import { randomBytes } from 'node:crypto'
import { AppError, type Grants, type PublicationSource } from '@parley/contracts'
import type { MediaDescription } from '@parley/protocols/sdp'
import { PlayConnection } from '../connection/play-connection.ts'
import { readSdp } from '../connection/publish-connection.ts'
import type { ServerTransport } from '../connection/server-transport.ts'
import { UnsupportedSdpError } from '../errors.ts'
import type { Participant } from '../room/participant.ts'
import type { Publication } from '../room/publication.ts'
import type { PublicationOffer } from '../room/publishing.ts'
import type { RtcService } from '../service.ts'
import { parseSdpFragment, serializeSdpFragment } from './sdp-fragment.ts'

export type HttpSessionKind = 'whip' | 'whep'

const entityTags = new WeakMap<Participant, string>()

/** The entity tag of the session's present ICE credentials (RFC 9725, section 4.3.1). */
export function entityTag(participant: Participant): string {
  const known = entityTags.get(participant)
  return known ?? renewTag(participant)
}

function renewTag(participant: Participant): string {
  const tag = `"${randomBytes(8).toString('hex')}"`
  entityTags.set(participant, tag)
  return tag
}

/** Enters a room as a publisher or player. Answers the session's participant and the SDP answer. */
export async function openSession(
  rtc: RtcService,
  request: { projectId: string; userId: string; grants?: Grants | undefined; roomId: string; sdp: string },
  kind: HttpSessionKind,
): Promise<{ participant: Participant; sdp: string }> {
  const offer = readSdp(request.sdp)
  const planned = (allowed: readonly PublicationSource[]): PublicationOffer[] =>
    kind === 'whip' ? publicationsOf(offer.media, allowed) : []
  const participant = await rtc.enter(request, request.roomId, kind, planned)
  try {
    const sdp =
      kind === 'whip'
        ? participant.publish(request.sdp, planned(participant.rights.publish)).sdp
        : play(participant, offer)
    return { participant, sdp }
  } catch (error) {
    participant.room.leave(participant, 'left')
    throw error
  }
}

/**
 * The participant behind a session's path. @throws AppError `not-found`, `forbidden`, `unavailable` when another process
 * holds the room
 */
export async function findSession(
  rtc: RtcService,
  path: { projectId: string; userId: string; roomId: string; participantId: string },
  kind: HttpSessionKind,
): Promise<Participant> {
  const room = await rtc.rooms.find(path.projectId, path.roomId)
  const participant = room?.participants.get(path.participantId)
  if (participant?.via !== kind) throw new AppError('not-found', 'There is no such session')
  if (participant.userId !== path.userId) throw new AppError('forbidden', 'The session is of another user')
  return participant
}

/**
 * Trickled candidates, or an ICE restart. `ifMatch` as it came: the present tag, or `*` for a restart. Answers the
 * fragment of a restart, undefined when nothing is to be said.
 */
export function patchSession(
  participant: Participant,
  ifMatch: string | undefined,
  body: string,
): { fragment: string; tag: string } | undefined {
  const transport = transportOf(participant)
  if (ifMatch === undefined) throw new AppError('precondition-required')
  // The examples of RFC 9725 write the star in quotes.
  const any = /^("?)\*\1$/.test(ifMatch.trim())
  // Strong comparison (RFC 9110, section 13.1.1): a weak tag matches nothing.
  const tags = ifMatch.split(',').map((tag) => tag.trim())
  if (!any && !tags.includes(entityTag(participant))) throw new AppError('version-mismatch')
  const { iceUfrag, icePwd } = parseSdpFragment(body)
  const restarts = iceUfrag !== undefined && iceUfrag !== transport.remoteUfrag
  if (!restarts || icePwd === undefined) return undefined
  if (!any) {
    throw new AppError('conflict', 'The ice-ufrag is not that of the session; a restart needs If-Match: *')
  }
  transport.takeRestart({ iceUfrag, icePwd })
  const { transport: local, candidates } = transport
  const fragment = serializeSdpFragment({ iceUfrag: local.iceUfrag, icePwd: local.icePwd, candidates })
  return { fragment, tag: renewTag(participant) }
}

function transportOf({ publishing, receiving }: Participant): ServerTransport {
  const server = publishing?.server ?? receiving?.server
  if (server === undefined) throw new AppError('not-found', 'The session is over')
  return server
}

const sourcesByKind: Readonly<Record<'audio' | 'video', readonly PublicationSource[]>> = {
  audio: ['microphone', 'screen-audio', 'custom'],
  video: ['camera', 'screen', 'custom'],
}

/** Every section that sends becomes a publication from the first source of its kind that the grant allows. */
function publicationsOf(
  media: readonly MediaDescription[],
  allowed: readonly PublicationSource[],
): PublicationOffer[] {
  const sending = media.flatMap(({ mid, kind, direction, rejected }) => {
    const sends = direction === 'sendonly' || direction === 'sendrecv'
    return kind !== 'application' && sends && !rejected ? [{ mid, kind }] : []
  })
  if (sending.length === 0)
    throw new UnsupportedSdpError('The offer has no section that sends audio or video')
  return sending.map(({ mid, kind }) => {
    const source = sourcesByKind[kind].find((candidate) => allowed.includes(candidate))
    if (source === undefined)
      throw new AppError('grant-missing', `The token holds no grant to publish ${kind}`)
    return { mid, kind, source, muted: false }
  })
}

function play(participant: Participant, offer: ReturnType<typeof readSdp>): string {
  const { worker } = participant
  const { announced, publications, limits } = participant.room
  const connection = new PlayConnection({
    ...{ worker, announced, offer, measured: limits.congestion, protects: limits.fec && limits.repair },
    onTrack: (publicationId, negotiated) => participant.handleTrack(publicationId, negotiated),
    onClosed: (reason) => participant.handleConnectionClosed('receive', reason),
  })
  participant.receiveOver(connection)
  // Where a player has room for one picture, a shared screen is the one.
  const first = ({ source }: Publication): number => (source === 'screen' || source === 'microphone' ? 0 : 1)
  for (const publication of [...publications.values()].sort((a, b) => first(a) - first(b))) {
    participant.subscribe(publication)
  }
  return connection.answer()
}
