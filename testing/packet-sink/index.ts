export { monotonicMs, toMonotonicMs } from './clock.ts'
export { ensurePacketSink } from './native.ts'
export {
  PacketSink,
  type PacketSinkOptions,
  SinkPlace,
  type SinkStatistics,
  type SinkStream,
} from './packet-sink.ts'
