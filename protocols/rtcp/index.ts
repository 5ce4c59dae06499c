export { ArrivalRecorder, type ArrivalRecorderOptions, arrivalTimes } from './arrival-recorder.ts'
export { packNack, unpackNack } from './nack.ts'
export { compactNtp, roundTripMs, toNtp } from './ntp.ts'
export type {
  ApplicationDefined,
  ExtendedReport,
  ExtendedReportBlock,
  FullIntraRequest,
  Goodbye,
  Nack,
  NtpTime,
  PictureLoss,
  ReceiverEstimate,
  ReceiverReport,
  ReportBlock,
  RtcpPacket,
  SenderReport,
  SourceDescription,
  TransportFeedback,
  UnknownRtcp,
} from './packet.ts'
export { parseRtcp } from './parse.ts'
export { serializeRtcp } from './serialize.ts'
export { REFERENCE_UNIT_US, readTransportFeedback, TICK_US } from './transport-feedback.ts'
