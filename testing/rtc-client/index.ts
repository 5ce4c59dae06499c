export {
  createCertificate,
  DtlsAssociation,
  type DtlsCertificate,
  type DtlsOptions,
  type DtlsSession,
  type SrtpProfile,
} from './dtls/index.ts'
export type { DatagramPort } from './ice/datagram-port.ts'
export type { DelayStatistics, InboundStatistics } from './media/inbound-stream.ts'
export { PeerTransport, type PeerTransportOptions, type TransportCounters } from './peer-transport.ts'
export { rewriteCandidates } from './rewrite-candidates.ts'
export { RtpSink, type RtpSinkCounters, type RtpSinkOptions } from './rtp-sink.ts'
export type { AudioSending, OutboundStatistics, SendFeedback, VideoLayer, VideoSending } from './sender.ts'
export { SrtpSession } from './srtp/index.ts'
export { SyntheticPeer, type SyntheticPeerOptions, type SyntheticPeerStatistics } from './synthetic-peer.ts'
