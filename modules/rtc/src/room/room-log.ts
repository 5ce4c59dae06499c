import type { DomainEvent, DomainEvents } from '@parley/contracts'
import type { Logger } from '@parley/core/kernel'
import { event, type RoomStore } from './room-store.ts'

type RoomEventType = Extract<keyof DomainEvents, `room.${string}`>
type Facts<T extends RoomEventType> = Omit<DomainEvents[T], 'roomId'>

const maxWaiting = 10_000

/** What happens in a room, written to the outbox in order and in batches, without the room waiting for it. */
export class RoomLog {
  readonly #store: RoomStore
  readonly #logger: Logger
  readonly #projectId: string
  readonly #roomId: string
  #waiting: DomainEvent[] = []
  #writing: Promise<void> | undefined

  constructor(options: { store: RoomStore; logger: Logger; projectId: string; roomId: string }) {
    this.#store = options.store
    this.#logger = options.logger
    this.#projectId = options.projectId
    this.#roomId = options.roomId
  }

  add<T extends RoomEventType>(type: T, facts: Facts<T>): void {
    const data = { roomId: this.#roomId, ...facts } as DomainEvents[T]
    if (this.#waiting.length >= maxWaiting) return
    this.#waiting.push(event(this.#projectId, this.#roomId, type, data as DomainEvent<T>['data']))
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
  }

  /** Resolves when all that was added is written, or could not be. */
  async written(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const events = this.#waiting
      this.#waiting = []
      try {
        await this.#store.append(this.#projectId, this.#roomId, events)
      } catch (error) {
        this.#logger.error({ error, events: events.length }, 'events of a room could not be written')
        return
      }
    }
  }
}
