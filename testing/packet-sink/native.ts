import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type AddonBuild, ensureAddon } from '@parley/fastpath/build'

/** What `src/addon.cc` gives. Addresses are numbers, times milliseconds of CLOCK_MONOTONIC. */
export interface NativeSinks {
  open(
    options: { bufferBytes: number; pollMicroseconds: number },
    onBatch: (batch: Buffer) => void,
  ): NativeSink
  port(sink: NativeSink): number
  addPlace(sink: NativeSink, passEvery: number): number
  removePlace(sink: NativeSink, place: number): void
  know(sink: NativeSink, place: number, ssrc: number): void
  measure(sink: NativeSink, fromMs: number, toMs: number): void
  /** Of each: SSRC, payload type, received, expected, highest number. */
  streams(sink: NativeSink, place: number): number[]
  send(sink: NativeSink, place: number, address: number, port: number, bytes: Uint8Array): boolean
  statistics(
    sink: NativeSink,
  ): Record<'received' | 'passed' | 'dropped' | 'overflowed' | 'countedTo' | 'bufferBytes', number>
  close(sink: NativeSink): void
}

declare const native: unique symbol
export type NativeSink = { readonly [native]: true }

/** Compiles the addon when its sources changed (seconds), else takes the cached one. */
export function ensurePacketSink(): Promise<AddonBuild> {
  return ensureAddon({ folder: folderOfSources(), name: 'packet-sink', what: 'the packet sink' })
}

/** @throws Error that says what is missing. */
export async function loadPacketSink(): Promise<NativeSinks> {
  const built = await ensurePacketSink()
  if ('unavailable' in built) {
    throw new Error(`the packet sink is unavailable: ${built.unavailable}. Mend: ${built.mend}`)
  }
  return createRequire(import.meta.url)(built.path) as NativeSinks
}

/** Bundled into a program, this module is elsewhere than the sources of the addon. */
function folderOfSources(): string {
  const beside = dirname(fileURLToPath(import.meta.url))
  if (existsSync(join(beside, 'binding.gyp'))) return beside
  const testing = createRequire(import.meta.url).resolve('@parley/testing/package.json')
  return join(dirname(testing), 'packet-sink')
}
