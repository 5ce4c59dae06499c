import type { ServerTransport } from './server-transport.ts'
import type { OfferedTrack } from './subscribe-connection.ts'

/** What publications are sent over: the subscribe connection of a member, or that of a WHEP player. */
export interface ReceivingConnection {
  readonly server: ServerTransport
  add(track: OfferedTrack): void
  remove(publicationId: string): void
  close(): void
}
