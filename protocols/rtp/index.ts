export { type Av1Payload, parseAv1 } from './av1.ts'
export {
  type DecodeTargetIndication,
  type DependencyDescriptor,
  type DependencyStructure,
  type FrameDependency,
  parseDependencyDescriptor,
} from './dependency-descriptor.ts'
export { type H264Payload, parseH264 } from './h264.ts'
export {
  type AudioLevel,
  absoluteSendTime,
  audioLevel,
  DEPENDENCY_DESCRIPTOR_URI,
  type HeaderExtension,
  mid,
  type PlayoutDelay,
  playoutDelay,
  repairedRtpStreamId,
  rtpStreamId,
  toAbsoluteSendTime,
  transportSequence,
  type VideoOrientation,
  videoOrientation,
} from './header-extension.ts'
export { isRtcp, parseRtp, type RtpPacket, serializeRtp } from './packet.ts'
export { parseRedundancy, type RedundantBlock, serializeRedundancy } from './redundancy.ts'
export { type RetransmissionStream, unwrapRetransmission, wrapRetransmission } from './retransmission.ts'
export { sequenceDistance, Unwrapper } from './sequence.ts'
export { parseVp8, serializeVp8Descriptor, type Vp8Descriptor, type Vp8Payload } from './vp8.ts'
export { parseVp9, type Vp9Payload, type Vp9ScalabilityStructure } from './vp9.ts'
