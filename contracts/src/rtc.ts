import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { anyId, customId, text } from './ids.ts'
import { done, pageOf, timestamp } from './pagination.ts'
import { sendRoomData } from './rtc-data.ts'

export const trackKind = z.enum(['audio', 'video']).meta({ id: 'TrackKind' })
export type TrackKind = z.infer<typeof trackKind>

/** What a publication shows or plays. Grants name these. */
export const publicationSources = ['camera', 'microphone', 'screen', 'screen-audio', 'custom'] as const
export const publicationSource = z.enum(publicationSources).meta({ id: 'PublicationSource' })
export type PublicationSource = z.infer<typeof publicationSource>

export const publication = z
  .object({
    id: z.string(),
    kind: trackKind,
    source: publicationSource,
    muted: z.boolean(),
    name: z.string().optional(),
    width: z.int().optional().meta({ description: 'Of the largest layer, as last seen' }),
    height: z.int().optional(),
  })
  .meta({ id: 'Publication' })
export type Publication = z.infer<typeof publication>

export const participant = z
  .object({
    id: z.string(),
    userId: customId,
    name: z.string().optional(),
    joinedAt: timestamp,
    publications: z.array(publication),
  })
  .meta({ id: 'Participant' })
export type Participant = z.infer<typeof participant>

export const room = z
  .object({
    id: customId,
    name: z.string().optional(),
    e2ee: z.boolean().meta({ description: 'Media is encrypted end to end: the server cannot read it' }),
    createdAt: timestamp,
    participantCount: z.int(),
  })
  .meta({ id: 'Room' })
export type Room = z.infer<typeof room>

export const iceServer = z.object({
  urls: z.array(z.string()),
  username: z.string().optional(),
  credential: z.string().optional(),
})
export type IceServer = z.infer<typeof iceServer>

/** Why a participant is no longer in a room. */
export const rtcLeaveReasons = [
  'left',
  'removed',
  'replaced',
  'room-closed',
  'connection-lost',
  'media-timeout',
  'grant-revoked',
  'server-stopping',
] as const
export type RtcLeaveReason = (typeof rtcLeaveReasons)[number]

const sdp = text(100_000).min(1).meta({ description: 'Session description (RFC 8866)' })
const inRoom = { roomId: customId }

/** One m-section of the publish connection: what it carries. */
const publicationOffer = z.object({
  mid: text(16),
  kind: trackKind,
  source: publicationSource,
  name: text(128).optional(),
  muted: z.boolean().default(false),
  /** On a new connection (after `rtc.moved`, or of the client's own accord): the publication that goes on here. */
  publicationId: anyId.optional(),
})

/** What a subscriber wants to see of a publication. Sizes are those of the element, in device pixels. */
const subscriptionWish = z.object({
  publicationId: anyId,
  enabled: z.boolean().default(true),
  width: z.int().min(0).max(16_384).optional(),
  height: z.int().min(0).max(16_384).optional(),
})

/**
 * Realtime frames of rooms. A participant has two peer connections: on `publish` the client offers, on `subscribe`
 * the server offers (`rtc.subscribe-offer`, answered by `rtc.subscribe-answer` with the same `version`).
 */
export const rtcFrames = {
  /**
   * Joins, or comes back: with the `participantId` of a lost connection the place is kept for 30 s. With `data` the
   * subscribe connection is offered at once and carries data channels both ways.
   * `e2ee` says that this client encrypts what it publishes; the room must be one for which that is so of all, or of none.
   */
  'rtc.join': z.object({
    ...inRoom,
    name: text(128).optional(),
    participantId: anyId.optional(),
    data: z.boolean().default(false),
    e2ee: z.boolean().default(false),
  }),
  'rtc.leave': z.object(inRoom),
  /** Offer of the publish connection with all its sections; publications that are not named end. */
  'rtc.publish': z.object({ ...inRoom, sdp, publications: z.array(publicationOffer).max(32) }),
  'rtc.subscribe-answer': z.object({ ...inRoom, sdp, version: z.int().min(1) }),
  'rtc.candidate': z.object({
    ...inRoom,
    connection: z.enum(['publish', 'subscribe']),
    candidate: text(1024),
    mid: text(16).optional(),
  }),
  /** Asks for a new offer of the subscribe connection with fresh ICE credentials; `anew`: for that of another connection. */
  'rtc.restart-subscribe': z.object({ ...inRoom, anew: z.boolean().default(false) }),
  'rtc.subscriptions': z.object({ ...inRoom, items: z.array(subscriptionWish).min(1).max(200) }),
  'rtc.mute': z.object({ ...inRoom, publicationId: anyId, muted: z.boolean() }),
  /** A moderator (grant `rtc.admin`) mutes or removes somebody else. */
  'rtc.mute-other': z.object({ ...inRoom, publicationId: anyId }),
  'rtc.remove': z.object({ ...inRoom, participantId: anyId }),
  /** Client statistics of two seconds; goes to telemetry. */
  'rtc.report': z.object({ ...inRoom, facts: z.record(text(64), z.number()) }),
} as const

export interface RtcFrameAnswers {
  'rtc.join': {
    roomId: string
    participantId: string
    /** True when the place of an earlier connection was taken up again, with its publications. */
    resumed: boolean
    participants: Participant[]
    iceServers: IceServer[]
    canPublish: PublicationSource[]
    canSubscribe: boolean
    canSendData: boolean
    admin: boolean
  }
  'rtc.leave': Record<string, never>
  'rtc.publish': { sdp: string; publications: { mid: string; id: string }[] }
  'rtc.subscribe-answer': Record<string, never>
  'rtc.candidate': Record<string, never>
  'rtc.restart-subscribe': Record<string, never>
  'rtc.subscriptions': Record<string, never>
  'rtc.mute': Record<string, never>
  'rtc.mute-other': Record<string, never>
  'rtc.remove': Record<string, never>
  'rtc.report': Record<string, never>
}

/** Why a subscribed publication is not sent, or not in the size that was asked for. */
export const subscriptionReasons = [
  'ok',
  'muted',
  'disabled-by-subscriber',
  'not-loudest',
  'no-media',
  'codec-unsupported',
  'bandwidth',
] as const
export type SubscriptionReason = (typeof subscriptionReasons)[number]

/** How well a participant is connected each way, from 5 (as good as it gets) down to 1 (hardly usable). */
export type NetworkLevels = { participantId: string; uplink: number; downlink: number }

export interface RtcServerEvents {
  'rtc.participant-joined': { roomId: string; participant: Participant }
  'rtc.participant-left': { roomId: string; participantId: string; reason: RtcLeaveReason }
  'rtc.publication-added': { roomId: string; participantId: string; publication: Publication }
  'rtc.publication-changed': { roomId: string; participantId: string; publication: Publication }
  'rtc.publication-removed': { roomId: string; participantId: string; publicationId: string }
  /** The next offer of the subscribe connection; `tracks` says which section carries which publication. */
  'rtc.subscribe-offer': {
    roomId: string
    version: number
    sdp: string
    tracks: { mid: string; publicationId: string; participantId: string }[]
  }
  /** Loudest first; levels from 0 (silent) to 1. */
  'rtc.speakers': { roomId: string; speakers: { participantId: string; level: number }[] }
  /** Of those who publish: what has changed, each 2 s at most; everything after a join. */
  'rtc.network-levels': { roomId: string; levels: NetworkLevels[] }
  'rtc.subscription-changed': {
    roomId: string
    publicationId: string
    active: boolean
    reason: SubscriptionReason
  }
  /** Of a publication of this client: layers (ascending in quality) that nobody watches need not be sent. */
  'rtc.publication-layers': { roomId: string; publicationId: string; active: boolean[] }
  /** The way to this client as the server measures it, each 2 s. Rates in bits a second, loss from 0 to 1. */
  'rtc.path-measured': {
    roomId: string
    /** What may be sent, with all repairs. */
    target: number
    limit: 'delay' | 'loss' | 'receiver'
    /** Before repair. */
    loss: number
    /** Whether the path loses whatever is sent, or because too much is. */
    lossKind: 'none' | 'random' | 'congestion'
    roundTripMs: number
    throughput: number
    queue: 'normal' | 'overused' | 'underused'
    /** What everything that is wanted would take at its best, and what is sent of it. */
    wanted: number
    allotted: number
  }
  /**
   * What carried the media of this client ended, and it goes on elsewhere: both connections are to be made anew. The
   * client offers its publications from a new connection, each with its `publicationId`; a subscribe offer of a new
   * connection follows.
   */
  'rtc.moved': { roomId: string }
  /** This connection is no longer in the room. */
  'rtc.closed': { roomId: string; reason: RtcLeaveReason }
}

const offerType = 'application/sdp'
const fragmentType = 'application/trickle-ice-sdpfrag'
const sdpFragment = z
  .string()
  .meta({ description: 'SDP fragment (RFC 8840): ICE credentials and candidates' })

/** Publishing or playing by HTTP. The three endpoints of both differ in nothing but their names and paths. */
function httpSession<Kind extends 'Whip' | 'Whep'>(kind: Kind) {
  const shared = { tag: 'rtc', auth: 'user' } as const
  const path = `/v1/rtc/rooms/{roomId}/${kind.toLowerCase()}`
  const what = kind === 'Whip' ? 'Publish by WHIP (RFC 9725)' : 'Play by WHEP (draft-ietf-wish-whep)'
  return {
    start: endpoint({
      ...shared,
      name: `start${kind}`,
      method: 'POST',
      path,
      summary: `${what}: offer in, answer out; the room is made on first use`,
      params: byRoom,
      body: sdp,
      bodyType: offerType,
      status: 201,
      answer: sdp,
      answerType: offerType,
      answerHeaders: {
        Location: 'The session: PATCH trickles or restarts ICE, DELETE ends it',
        ETag: 'Entity tag of the ICE session, for If-Match',
        'Accept-Patch': fragmentType,
        Link: 'ICE servers with their credentials, `rel="ice-server"`',
      },
      idempotencyKey: false,
      errors: [
        'forbidden',
        'grant-missing',
        'not-acceptable',
        'sdp-not-supported',
        'e2ee-room',
        'limit-exceeded',
        'not-implemented',
      ],
    }),
    update: endpoint({
      ...shared,
      name: `update${kind}`,
      method: 'PATCH',
      path: `${path}/{participantId}`,
      summary: 'Trickle candidates (If-Match: the entity tag), or restart ICE (If-Match: *)',
      params: byParticipant,
      body: sdpFragment,
      bodyType: fragmentType,
      status: 200,
      answer: sdpFragment,
      answerType: fragmentType,
      answerHeaders: { ETag: 'Entity tag of the new ICE session' },
      otherStatuses: { 204: 'The candidates were taken' },
      errors: [
        'forbidden',
        'not-found',
        'conflict',
        'version-mismatch',
        'precondition-required',
        'not-implemented',
      ],
    }),
    end: endpoint({
      ...shared,
      name: `end${kind}`,
      method: 'DELETE',
      path: `${path}/{participantId}`,
      summary: 'End the session',
      params: byParticipant,
      status: 200,
      errors: ['forbidden', 'not-found', 'not-implemented'],
    }),
  }
}

const byRoom = z.object({ roomId: customId })
const byParticipant = z.object({ roomId: customId, participantId: anyId })

export const rtcEndpoints = {
  createRoom: endpoint({
    name: 'createRoom',
    tag: 'rtc',
    method: 'POST',
    path: '/v1/rtc/rooms',
    auth: 'key',
    audit: false,
    summary: 'Make a room; a room that a valid grant names is also made on first use',
    body: z.object({
      id: customId.optional(),
      name: text(256).optional(),
      e2ee: z.boolean().default(false).meta({ description: 'Only clients that encrypt end to end may join' }),
    }),
    status: 201,
    answer: room,
    errors: ['already-exists'],
  }),
  getRoom: endpoint({
    name: 'getRoom',
    tag: 'rtc',
    method: 'GET',
    path: '/v1/rtc/rooms/{roomId}',
    auth: 'key-or-user',
    summary: 'One room',
    params: byRoom,
    status: 200,
    answer: room,
    errors: ['room-not-found', 'grant-missing'],
  }),
  listParticipants: endpoint({
    name: 'listParticipants',
    tag: 'rtc',
    method: 'GET',
    path: '/v1/rtc/rooms/{roomId}/participants',
    auth: 'key-or-user',
    summary: 'Who is in a room, and what they publish',
    params: byRoom,
    status: 200,
    answer: pageOf(participant),
    errors: ['room-not-found', 'grant-missing'],
  }),
  removeParticipant: endpoint({
    name: 'removeParticipant',
    tag: 'rtc',
    method: 'DELETE',
    path: '/v1/rtc/rooms/{roomId}/participants/{participantId}',
    auth: 'key-or-user',
    audit: true,
    summary: 'Remove a participant (API key, or a token with grant rtc.admin)',
    params: byParticipant,
    status: 200,
    answer: done,
    errors: ['room-not-found', 'participant-not-found', 'grant-missing'],
  }),
  sendRoomData,
  deleteRoom: endpoint({
    name: 'deleteRoom',
    tag: 'rtc',
    method: 'DELETE',
    path: '/v1/rtc/rooms/{roomId}',
    auth: 'key',
    summary: 'Close a room; everybody in it leaves with `room-closed`',
    params: byRoom,
    status: 200,
    answer: done,
    errors: ['room-not-found'],
  }),
} as const

const whip = httpSession('Whip')
const whep = httpSession('Whep')

/** WHIP and WHEP: bodies are SDP, so these are called by their own clients. */
export const whipEndpoints = {
  startWhip: whip.start,
  updateWhip: whip.update,
  endWhip: whip.end,
  startWhep: whep.start,
  updateWhep: whep.update,
  endWhep: whep.end,
} as const
