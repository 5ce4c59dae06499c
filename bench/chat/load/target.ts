import type { ProcessGroup } from '../machine/processes.ts'

/** Where a message goes. */
export type Destination = { userId: string } | { groupId: string }

/** What the connections of a workload report. Messages are known by number. */
export interface LoadEvents {
  /** The server said that it has the message. */
  acked(number: number): void
  /** The server refused a message. */
  rejected(why: string): void
  /** A connection got a message of another connection or of its own. */
  delivered(number: number): void
  /** A connection ended that nobody closed. */
  lost(userId: string): void
}

export interface ConnectOptions {
  userId: string
  events: LoadEvents
  /** Groups in which the connection takes part, where a protocol has to be told. */
  groupIds?: readonly string[]
}

/** One authenticated connection. */
export interface LoadClient {
  readonly userId: string
  send(destination: Destination, number: number): void
  close(): void
}

/** What a user's device keeps to catch up later. */
export type CatchUpPlace = unknown

export interface CaughtUp {
  messages: number
}

/** A chat server under load, as all workloads see it. */
export interface ChatTarget {
  readonly name: 'parley' | 'ejabberd'
  /** What an acknowledgement promises. */
  readonly ackMeaning: string
  /** By part: `server`, and `database` where it is another process. */
  processes(): Promise<ProcessGroup[]>
  ensureUsers(userIds: readonly string[]): Promise<void>
  /** Makes a group whose members may be many more than those who connect. */
  makeGroup(groupId: string, memberIds: readonly string[]): Promise<void>
  connect(options: ConnectOptions): Promise<LoadClient>
  /** Where a client stands in the conversation with a peer, before it goes offline. */
  markPlace(client: LoadClient, peerId: string): Promise<CatchUpPlace>
  /** Reads everything newer than the place. */
  catchUp(client: LoadClient, place: CatchUpPlace): Promise<CaughtUp>
  /** Ends and starts the server on the same data. Milliseconds until it was ready. */
  restart(): Promise<number>
  close(): Promise<void>
}
