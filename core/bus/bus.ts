import type { Closable } from '@parley/core/kernel'

/** A JSON value. Members that are `undefined` are left out on the way. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json | undefined }

/** Runs soon after a publish, in this process or another. Must not change the payload. */
export type BusHandler = (payload: Json) => void

/**
 * Lossy wake-ups between parts and processes. Nothing that matters travels only here: whoever is woken re-reads
 * the database, and re-reads it every few seconds without being woken. Each process hears a publish at most once,
 * its own exactly once while it lives. Publishes of one process on one topic arrive in order.
 */
export interface Bus extends Closable {
  /** A message (topic and payload as JSON) beyond `busPayloadLimit` bytes arrives as a bare wake-up: payload null. */
  publish(topic: string, payload: Json): void
  /** The answer ends the subscription. */
  subscribe(topic: string, handler: BusHandler): () => void
  /** Wake-ups of other processes may have been lost: re-read everything. The answer ends the subscription. */
  onGap(handler: () => void): () => void
}

/** Bytes of one message. PostgreSQL takes payloads under 8,000 bytes; the rest is for the envelope. */
export const busPayloadLimit = 7_800

/** One message on its way; the payload is left out of bare wake-ups. */
export type BusMessage = [topic: string] | [topic: string, payload: Json]

/** Applies the limit, the same for every adapter. Throws when the topic alone is too long. */
export function toMessage(topic: string, payload: Json): { message: BusMessage; bytes: number } {
  const full: BusMessage = payload === null ? [topic] : [topic, payload]
  const bytes = Buffer.byteLength(JSON.stringify(full))
  if (bytes <= busPayloadLimit) return { message: full, bytes }
  const bare: BusMessage = [topic]
  const bareBytes = Buffer.byteLength(JSON.stringify(bare))
  if (bareBytes > busPayloadLimit) throw new RangeError('the topic does not fit into a message')
  return { message: bare, bytes: bareBytes }
}
