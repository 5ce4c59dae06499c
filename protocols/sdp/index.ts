export { type Candidate, candidatePriority, parseCandidate, serializeCandidate } from './candidate.ts'
export type {
  Codec,
  Direction,
  DtlsSetup,
  Fingerprint,
  HeaderExtensionMapping,
  MediaDescription,
  MediaKind,
  RestrictedStream,
  SessionDescription,
  Source,
  SourceGroup,
  TransportDescription,
} from './model.ts'
export { MAX_SDP_LENGTH, parseSdp } from './parse.ts'
export { serializeSdp } from './serialize.ts'
