import { AppError, type ServerEvent } from '@parley/contracts'
import type { UserCaller } from '@parley/core/auth'
import type { EndReason, Session } from '@parley/core/gateway'
import type { Closable } from '@parley/core/kernel'
import { HolderLink } from './holder-link.ts'
import type { LinkKeys } from './shared-key.ts'

export interface RoomForwardingOptions {
  keys: LinkKeys
  /** Where the process is reached that holds a room, when it is another one that takes requests. */
  holderOf: (projectId: string, roomId: string) => Promise<string | undefined>
}

const syncEveryMs = 1_000

/** A session here, as a process elsewhere knows it. */
interface Guest {
  readonly session: Session
  /** As it was told last. */
  caller: UserCaller
  /** Rooms there that it is in. */
  readonly rooms: Set<string>
}

/** One process that holds rooms of sessions here. */
interface Holder {
  readonly link: HolderLink
  /** The sessions of this process that it knows, by id. */
  readonly guests: Map<string, Guest>
}

/**
 * Passes frames on to the process that holds their room, and its events back to the sessions here. Media goes straight
 * to the media port of that process. Owns its links.
 */
export class RoomForwarding implements Closable {
  readonly #options: RoomForwardingOptions
  readonly #holders = new Map<string, Holder>()
  readonly #timer: NodeJS.Timeout

  constructor(options: RoomForwardingOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#tellRenewed(), syncEveryMs)
  }

  /** Carries out a frame where its room is: by `here` in this process, else by the holder. */
  async route<Answer>(
    session: Session,
    frame: string,
    body: { roomId: string },
    here: () => Promise<Answer>,
  ): Promise<Answer> {
    const { roomId } = body
    const holder =
      frame === 'rtc.join' ? await this.#holderFor(session, roomId) : this.#placeOf(session, roomId)
    if (holder === undefined) return here()
    const answer = await this.#ask(holder, session, frame, body)
    const rooms = holder.guests.get(session.id)?.rooms
    if (frame === 'rtc.join') rooms?.add(roomId)
    if (frame === 'rtc.leave') rooms?.delete(roomId)
    return answer as Answer
  }

  handleSessionClosed(session: Session, reason: EndReason): void {
    for (const holder of this.#holders.values()) {
      if (!holder.guests.delete(session.id)) continue
      holder.link.tell({ type: 'session-closed', sessionId: session.id, reason })
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    for (const { link } of [...this.#holders.values()]) link.close()
  }

  async #holderFor(session: Session, roomId: string): Promise<Holder | undefined> {
    const address = await this.#options.holderOf(session.projectId, roomId)
    if (session.signal.aborted) throw new AppError('unavailable', 'The connection is gone')
    const before = this.#placeOf(session, roomId)
    // The room went to another process meanwhile, or came here.
    if (before !== undefined && before.link.address !== address)
      before.guests.get(session.id)?.rooms.delete(roomId)
    return address === undefined ? undefined : (this.#holders.get(address) ?? this.#open(address))
  }

  #placeOf(session: Session, roomId: string): Holder | undefined {
    for (const holder of this.#holders.values()) {
      if (holder.guests.get(session.id)?.rooms.has(roomId)) return holder
    }
    return undefined
  }

  #open(address: string): Holder {
    const guests = new Map<string, Guest>()
    const link = new HolderLink({
      ...{ address, keys: this.#options.keys },
      onEvent: ({ sessionId, event }) => hear(guests.get(sessionId), JSON.parse(event) as ServerEvent),
      onClosed: () => this.#lost(holder),
    })
    const holder: Holder = { link, guests }
    this.#holders.set(address, holder)
    return holder
  }

  #ask(holder: Holder, session: Session, frame: string, body: { roomId: string }): Promise<unknown> {
    const { caller } = session
    const guest = holder.guests.get(session.id)
    if (guest === undefined) holder.guests.set(session.id, { session, caller, rooms: new Set() })
    else guest.caller = caller
    return holder.link.ask((request) => ({
      ...{ type: 'frame', request, session: factsOf(session), frame, body },
    }))
  }

  /** The process there ended, or cannot be reached: clients join again, wherever the room is then. */
  #lost(holder: Holder): void {
    const { address } = holder.link
    if (this.#holders.get(address) === holder) this.#holders.delete(address)
    for (const { session, rooms } of holder.guests.values()) {
      for (const roomId of rooms) session.send({ type: 'rtc.closed', roomId, reason: 'connection-lost' })
    }
  }

  /** Rights in a room are those of the present token. */
  #tellRenewed(): void {
    for (const { link, guests } of this.#holders.values()) {
      for (const guest of guests.values()) {
        if (guest.session.caller === guest.caller) continue
        guest.caller = guest.session.caller
        link.tell({ type: 'session', session: factsOf(guest.session) })
      }
    }
  }
}

function factsOf({ id, deviceId, platform, remoteAddress, caller }: Session) {
  return { id, deviceId, platform, remoteAddress, caller }
}

function hear(guest: Guest | undefined, event: ServerEvent): void {
  if (event.type === 'rtc.closed') guest?.rooms.delete(event.roomId)
  guest?.session.send(event)
}
