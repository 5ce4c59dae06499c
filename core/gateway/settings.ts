import { flag, integer, type SettingValues } from '@parley/core/kernel'

/** Limits and tempo of the realtime gateway. Counts and rates are per process. */
export const gatewaySettings = {
  authTimeoutMs: integer(
    'PARLEY_GATEWAY_AUTH_TIMEOUT_MS',
    { default: 5_000, min: 50 },
    'Time for the first frame, which authenticates, to arrive. Milliseconds',
  ),
  heartbeatMs: integer(
    'PARLEY_GATEWAY_HEARTBEAT_MS',
    { default: 25_000, min: 50 },
    'Silence of a connection after which it is pinged. Milliseconds',
  ),
  deadAfterMs: integer(
    'PARLEY_GATEWAY_DEAD_AFTER_MS',
    { default: 60_000, min: 100 },
    'Silence of a connection after which it counts as dead; more than the heartbeat. Milliseconds',
  ),
  closeTimeoutMs: integer(
    'PARLEY_GATEWAY_CLOSE_TIMEOUT_MS',
    { default: 5_000, min: 50 },
    'Time for the other side to answer a close before the socket is destroyed. Milliseconds',
  ),
  maxFrameBytes: integer(
    'PARLEY_GATEWAY_MAX_FRAME_BYTES',
    { default: 65_536, min: 1_024, max: 16_777_216 },
    'Largest WebSocket message a client may send. Bytes',
  ),
  maxFrameDepth: integer(
    'PARLEY_GATEWAY_MAX_FRAME_DEPTH',
    { default: 32, min: 4, max: 512 },
    'Deepest nesting of arrays and objects in what a client sends',
  ),
  maxFramesPerArray: integer(
    'PARLEY_GATEWAY_MAX_FRAMES_PER_ARRAY',
    { default: 256, min: 1 },
    'Most frames in one array',
  ),
  maxConnections: integer(
    'PARLEY_GATEWAY_MAX_CONNECTIONS',
    { default: 100_000, min: 1 },
    'WebSocket connections of a process',
  ),
  maxUnauthenticatedPerAddress: integer(
    'PARLEY_GATEWAY_MAX_UNAUTHENTICATED_PER_ADDRESS',
    { default: 10_000, min: 1 },
    'Connections of one address (IPv6: a /64) that have not authenticated yet',
  ),
  maxConnectionsPerUser: integer(
    'PARLEY_GATEWAY_MAX_CONNECTIONS_PER_USER',
    { default: 100, min: 1 },
    'Connections of one user',
  ),
  maxInFlight: integer(
    'PARLEY_GATEWAY_MAX_IN_FLIGHT',
    { default: 2_048, min: 1 },
    'Frames of one session that are worked on at once; further ones are refused',
  ),
  framesPerSecond: integer(
    'PARLEY_GATEWAY_FRAMES_PER_SECOND',
    { default: 5_000, min: 1 },
    'Frames of one session a second, lasting',
  ),
  frameBurst: integer(
    'PARLEY_GATEWAY_FRAME_BURST',
    { default: 10_000, min: 1 },
    'Frames of one session at once',
  ),
  refusalsPerSecond: integer(
    'PARLEY_GATEWAY_REFUSALS_PER_SECOND',
    { default: 10, min: 1 },
    'Refused or malformed frames a second that a connection survives, lasting; a malformed one counts tenfold',
  ),
  refusalBurst: integer(
    'PARLEY_GATEWAY_REFUSAL_BURST',
    { default: 1_000, min: 10 },
    'Refused or malformed frames at once that a connection survives; a malformed one counts tenfold',
  ),
  maxBufferedBytes: integer(
    'PARLEY_GATEWAY_MAX_BUFFERED_BYTES',
    { default: 2_097_152, min: 16_384 },
    'Bytes that may wait for one connection to read them; beyond, it is closed as a slow consumer',
  ),
  maxTotalBufferedBytes: integer(
    'PARLEY_GATEWAY_MAX_TOTAL_BUFFERED_BYTES',
    { default: 536_870_912, min: 1_048_576 },
    'Bytes that may wait for all connections; beyond, a connection may have no more than 64 KiB waiting',
  ),
  coalesceMs: integer(
    'PARLEY_GATEWAY_COALESCE_MS',
    { default: 5, min: 1, max: 1_000 },
    'Under load, what a connection is to get is collected this long. Milliseconds',
  ),
  coalesceCeilingMs: integer(
    'PARLEY_GATEWAY_COALESCE_CEILING_MS',
    { default: 200, min: 1, max: 5_000 },
    'Longest time that events, but not answers, are collected when writing takes much of the processor. Milliseconds',
  ),
  drainMs: integer(
    'PARLEY_GATEWAY_DRAIN_MS',
    { default: 5_000 },
    'Time over which the connections are sent away when the process stops. Milliseconds',
  ),
  reconnectSpreadMs: integer(
    'PARLEY_GATEWAY_RECONNECT_SPREAD_MS',
    { default: 10_000 },
    'A client sent away comes back after a random time up to this. Milliseconds',
  ),
  compression: flag(
    'PARLEY_GATEWAY_COMPRESSION',
    false,
    'Offer permessage-deflate (RFC 7692): less traffic, about 300 KB more memory a connection, no shared writes',
  ),
} as const

export type GatewaySettings = SettingValues<typeof gatewaySettings>
