/** All counters are cumulative since creation; times in milliseconds, `-1` where nothing was measured yet. */
export type TransportStats = {
  id: number
  connected: boolean
  packetsReceived: number
  bytesReceived: number
  packetsSent: number
  bytesSent: number
  /** SRTP or SRTCP that failed authentication. */
  authFailures: number
  /** SRTP or SRTCP seen before, or too old to tell. */
  replays: number
  /** RTP of no known track, or beyond the number of SSRCs a peer may use. */
  unroutable: number
  /** Packets that no parser accepted. */
  malformed: number
  stunRequests: number
  stunRejected: number
  feedbackSent: number
  nacksReceived: number
  queuedPackets: number
  queueDrops: number
  paddingSent: number
  /** DTLS application datagrams passed on, sent, and dropped beyond the rate that is allowed. */
  dataReceived: number
  dataSent: number
  dataDropped: number
}

export type LayerStats = {
  layer: number
  ssrc: number
  rtxSsrc: number
  /** Of the last packet. */
  payloadType: number
  packets: number
  bytes: number
  lost: number
  /** Recovered by retransmission. */
  recovered: number
  duplicates: number
  nacks: number
  plis: number
  frames: number
  keyFrames: number
  /** Video that was not forwarded because it had waited over 200 ms before the packet thread took it. */
  lateDrops: number
  /** Of the largest spatial layer. */
  width: number
  height: number
  /** Bits a second over the last full second by spatial layer, each without those below it. */
  spatialBitrates: number[]
  /** Temporal layers seen so far; 0 when the codec does not tell. */
  temporalLayers: number
  jitterMs: number
  rttMs: number
  /** Bits a second over the last full second. */
  bitrate: number
  lastPacketAgeMs: number
}

export type IngressTrackStats = { id: number; layers: LayerStats[] }

export type EgressStreamStats = {
  id: number
  ssrc: number
  layer: number
  packets: number
  bytes: number
  frames: number
  keyFrames: number
  /** Retransmissions sent, and requested packets that were no longer held. */
  retransmissions: number
  retransmissionMisses: number
  /** Packets that were asked for, each counted once: what was lost before any repair. */
  missed: number
  /** Payload that was sent again or unasked, and that RED added. */
  repairBytes: number
  redundantBytes: number
  /** ULPFEC that was sent, and its payload. */
  fecPackets: number
  fecBytes: number
  /** Requests for what ULPFEC should have brought back, not answered at once, and those where it had not. */
  leftToFec: number
  fecFailures: number
  /** Repairs that would have come too late, or that the budget did not allow. */
  lateRepairs: number
  refusedRepairs: number
  nacks: number
  plis: number
  /** Of the last receiver report: fraction 0..1, cumulative packets, RTT. */
  fractionLost: number
  packetsLost: number
  jitterMs: number
  rttMs: number
}

export type WorkerStats = {
  transports: TransportStats[]
  tracks: IngressTrackStats[]
  streams: EgressStreamStats[]
  /** Datagrams no transport claims: unknown STUN users, unauthenticated addresses, unclassifiable bytes. */
  strayPackets: number
  stunErrors: number
  sendFailures: number
  packetsSent: number
  /** UDP messages these packets left in; fewer where equal packets were joined by segmentation offload. */
  messagesSent: number
  packetsReceived: number
  tcpConnections: number
  /** CPU time of the packet thread in microseconds. */
  cpuMicroseconds: number
  /** Time in which the packet thread did not wait for something to do, in microseconds: at the rate of time it is full. */
  busyMicroseconds: number
  /** Events that lost their worth (feedback, levels, application data) while JavaScript was late. */
  eventsDropped: number
  /** Packet buffers in use and held ready. */
  buffersInUse: number
  buffersPooled: number
}
