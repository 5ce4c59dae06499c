export { type AddonBuild, ensureFastpath } from '../build.mjs'
export { FastpathCore } from './core.ts'
export type { EgressStream } from './egress-stream.ts'
export * from './events.ts'
export { Host } from './host.ts'
export type { IngressTrack } from './ingress-track.ts'
export { FastpathUnavailableError, loadFastpath } from './load.ts'
export type {
  CorePacket,
  NativeAddon,
  NativeCommands,
  NativeEvent,
  NativeSrtp,
  NativeWorker,
  StunCheck,
} from './native.ts'
export * from './options.ts'
export { PathReports } from './path-reports.ts'
export * from './stats.ts'
export type { Transport } from './transport.ts'
export { createWorker, FastpathWorker } from './worker.ts'
