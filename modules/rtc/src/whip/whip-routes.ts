import { AppError, type Endpoint, isCustomId, whipEndpoints } from '@parley/contracts'
import type { Authenticator, UserCaller } from '@parley/core/auth'
import { addressGroup, type HttpServer, type RawContext, readBody } from '@parley/core/http'
import { TokenBuckets } from '@parley/core/limits'
import type { RoomOperations } from '../cluster/room-operations.ts'
import type { RtcService } from '../service.ts'
import type { HttpSessionKind } from './http-session.ts'
import { sessionOperations } from './session-operations.ts'

const kinds = {
  whip: { start: whipEndpoints.startWhip, update: whipEndpoints.updateWhip, end: whipEndpoints.endWhip },
  whep: { start: whipEndpoints.startWhep, update: whipEndpoints.updateWhep, end: whipEndpoints.endWhep },
}
const offerType = 'application/sdp'
const fragmentType = 'application/trickle-ice-sdpfrag'
const maxBodyBytes = 200_000
const exposed = 'Location, ETag, Link, Accept-Patch, Retry-After, X-Request-Id'

export interface WhipOptions {
  rtc: RtcService
  operations: RoomOperations
  authenticator: Authenticator
}

/** WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): publish and play by URL and bearer token. */
export function registerWhip(http: HttpServer, { rtc, operations, authenticator }: WhipOptions): void {
  const door = new BearerDoor(authenticator)
  for (const [kind, { start, update, end }] of Object.entries(kinds) as Entries) {
    for (const endpoint of [start, update, end]) http.document(endpoint)
    const sessions = sessionOperations(rtc, operations, kind)

    http.raw('POST', pattern(start), async (c) => {
      const caller = await door.admit(c)
      const roomId = pathId(c, 'roomId')
      requireType(c, offerType)
      requireAcceptable(c)
      const { participantId, tag, sdp } = await sessions.start({
        ...{ ...userOf(caller), roomId, sdp: await readText(c) },
      })
      const headers: Record<string, string> = {
        'Content-Type': offerType,
        Location: `/v1/rtc/rooms/${encodeURIComponent(roomId)}/${kind}/${participantId}`,
        ETag: tag,
        'Accept-Patch': fragmentType,
        'Access-Control-Expose-Headers': exposed,
        ...linkHeader(rtc, caller.userId),
      }
      return c.body(sdp, 201, headers)
    })

    http.raw('PATCH', pattern(update), async (c) => {
      const path = { ...userOf(await door.admit(c)), ...sessionPath(c) }
      requireType(c, fragmentType)
      const ifMatch = c.req.header('if-match')
      const answer = await sessions.update({ ...path, ifMatch, fragment: await readText(c) })
      if (answer === undefined) return c.body(null, 204)
      const headers = {
        'Content-Type': fragmentType,
        ETag: answer.tag,
        'Access-Control-Expose-Headers': exposed,
      }
      return c.body(answer.fragment, 200, headers)
    })

    http.raw('DELETE', pattern(end), async (c) => {
      await sessions.end({ ...userOf(await door.admit(c)), ...sessionPath(c) })
      return c.body(null, 200)
    })
  }
}

/** The same paths where audio and video are switched off. */
export function refuseWhip(http: HttpServer, reason: AppError): void {
  for (const endpoint of Object.values(whipEndpoints)) {
    http.document(endpoint)
    http.raw(endpoint.method, pattern(endpoint), () => Promise.reject(reason))
  }
}

type Entries = [HttpSessionKind, (typeof kinds)[HttpSessionKind]][]

function pattern({ path }: Endpoint): string {
  return path.replace(/\{(\w+)\}/g, ':$1')
}

/** Lets users with a token in, at a bearable rate, and slows down addresses that guess. */
class BearerDoor {
  readonly #authenticator: Authenticator
  readonly #users = new TokenBuckets({ capacity: 200, refillPerSecond: 50, maxKeys: 50_000 })
  readonly #failures = new TokenBuckets({ capacity: 60, refillPerSecond: 1, maxKeys: 50_000 })

  constructor(authenticator: Authenticator) {
    this.#authenticator = authenticator
  }

  async admit(c: RawContext): Promise<UserCaller> {
    const group = addressGroup(c.env.remoteAddress)
    const guess = this.#failures.peek(group)
    if (!guess.ok) throw new AppError('rate-limited', 'Too many wrong credentials from this address', guess)
    try {
      const token = /^bearer +(\S{1,8192})$/i.exec(c.req.header('authorization') ?? '')?.[1]
      if (token === undefined) throw new AppError('unauthenticated', 'Give a user token as Bearer')
      const caller = await this.#authenticator.authenticateToken(token)
      const taken = this.#users.take(`${caller.projectId}/${caller.userId}`)
      if (!taken.ok) throw new AppError('rate-limited', undefined, taken)
      return caller
    } catch (error) {
      if (error instanceof AppError && error.code === 'unauthenticated') this.#failures.take(group)
      throw error
    }
  }
}

function pathId(c: RawContext, name: string): string {
  const id = c.req.param(name) ?? ''
  if (!isCustomId(id)) throw new AppError('invalid-request', `The path holds no ${name}`)
  return id
}

function sessionPath(c: RawContext) {
  return { roomId: pathId(c, 'roomId'), participantId: pathId(c, 'participantId') }
}

function userOf({ projectId, userId, grants }: UserCaller) {
  return { projectId, userId, grants }
}

function requireType(c: RawContext, wanted: string): void {
  const [type = ''] = (c.req.header('content-type') ?? '').split(';')
  if (type.trim().toLowerCase() !== wanted)
    throw new AppError('unsupported-media-type', `The body must be ${wanted}`)
  const encoding = c.req.header('content-encoding')
  if (encoding !== undefined && encoding !== 'identity') {
    throw new AppError('unsupported-media-type', 'The body must not be compressed')
  }
}

function requireAcceptable(c: RawContext): void {
  const accept = c.req.header('accept') ?? '*/*'
  const types = accept.split(',').map((part) => (part.split(';')[0] ?? '').trim().toLowerCase())
  if (types.some((type) => ['*/*', 'application/*', offerType, ''].includes(type))) return
  throw new AppError('not-acceptable', `The answer is ${offerType}`)
}

async function readText(c: RawContext): Promise<string> {
  const bytes = await readBody(c.env.incoming, maxBodyBytes)
  const text = bytes.toString('utf8')
  if (text.includes('\u0000')) throw new AppError('invalid-request', 'The body holds U+0000')
  return text
}

/** RFC 9725, section 4.6: the servers the client should use, with their credentials. */
function linkHeader(rtc: RtcService, userId: string): Record<string, string> {
  const links = rtc.iceServers(userId).flatMap(({ urls, username, credential }) =>
    urls.map((url) => {
      const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`
      const secret =
        username === undefined || credential === undefined
          ? ''
          : `; username=${quoted(username)}; credential=${quoted(credential)}; credential-type="password"`
      return `<${url}>; rel="ice-server"${secret}`
    }),
  )
  return links.length === 0 ? {} : { Link: links.join(', ') }
}
