/** What a peer and a server have to tell each other; who offers is the server's choice. */
export interface Negotiation {
  offer(): Promise<string>
  accept(answer: string): void
  answer(offer: string): Promise<string>
}

/** The way into one room of a server under test. */
export interface Door {
  /** Publishes what the peer offers. */
  publish(peer: Negotiation): Promise<void>
  /** Plays what is published; the answer leaves again. */
  play(peer: Negotiation): Promise<() => Promise<void>>
  close(): void
}

/** How a generator process finds the server; plain data, as it travels between processes. */
export type DoorAddress =
  | { kind: 'parley'; url: string; roomId: string; keyId: string; keySecret: string; audience: string }
  | { kind: 'janus'; url: string; roomId: number }
