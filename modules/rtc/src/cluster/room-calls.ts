import type { Closable } from '@parley/core/kernel'
import { HolderLink } from './holder-link.ts'
import type { RoomInput } from './room-operations.ts'
import type { LinkKeys } from './shared-key.ts'

export interface RoomCallsOptions {
  keys: LinkKeys
  /** Where the process is reached that holds a room, when it is another one that takes requests. */
  holderOf: (projectId: string, roomId: string) => Promise<string | undefined>
}

/**
 * Has operations carried out where their room is. Its links carry no frames: what the list of a large room weighs holds
 * up no member, and a link that is given up ends no place. Owns its links.
 */
export class RoomCalls implements Closable {
  readonly #options: RoomCallsOptions
  readonly #links = new Map<string, HolderLink>()
  #closed = false

  constructor(options: RoomCallsOptions) {
    this.#options = options
  }

  /** Asks the holder once, or `here` when no other process holds the room. */
  async call<Answer>(operation: string, input: RoomInput, here: () => Promise<Answer>): Promise<Answer> {
    const address = await this.#options.holderOf(input.projectId, input.roomId)
    if (address === undefined || this.#closed) return here()
    const link = this.#links.get(address) ?? this.#open(address)
    return (await link.ask((request) => ({ type: 'call', request, operation, input }))) as Answer
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const link of [...this.#links.values()]) link.close()
  }

  #open(address: string): HolderLink {
    const link = new HolderLink({
      ...{ address, keys: this.#options.keys },
      onClosed: () => this.#links.delete(address),
    })
    this.#links.set(address, link)
    return link
  }
}
