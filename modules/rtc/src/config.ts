import { availableParallelism } from 'node:os'
import { flag, integer, optionalString, type SettingValues, secret } from '@parley/core/kernel'

export const rtcSettings = {
  enabled: flag('PARLEY_RTC', true, 'Serve audio and video; false answers them with `not-implemented`'),
  workers: integer(
    'PARLEY_RTC_WORKERS',
    { default: Math.min(4, availableParallelism()), defaultDoc: 'one a core, at most 4', min: 1, max: 64 },
    'Media worker processes; rooms are spread over them',
  ),
  mediaPort: integer(
    'PARLEY_MEDIA_PORT',
    { default: 7701, max: 65_472 },
    'UDP and TCP port of the first media worker; worker i takes this port + i; 0 picks free ones',
  ),
  mediaAddresses: optionalString(
    'PARLEY_MEDIA_ADDRESSES',
    'Local IP addresses for media, by commas. Default: all; loopback in development or where nothing else is',
  ),
  publicAddress: optionalString(
    'PARLEY_PUBLIC_ADDRESS',
    'IP addresses (by commas, one a family) under which clients reach the media ports, behind a 1:1 NAT',
  ),
  turnUrls: optionalString(
    'PARLEY_TURN_URLS',
    'TURN servers for clients, by commas: `turn:turn.example.com:3478?transport=udp`',
  ),
  turnSecret: secret(
    'PARLEY_TURN_SECRET',
    'Shared secret of the TURN servers (`static-auth-secret` of coturn) from which credentials are made',
  ),
  turnTtlMs: integer(
    'PARLEY_TURN_TTL_MS',
    { default: 12 * 3_600_000, min: 60_000 },
    'How long TURN credentials are good, in milliseconds',
  ),
  placeKeptMs: integer(
    'PARLEY_RTC_PLACE_KEPT_MS',
    { default: 30_000, min: 0, max: 600_000 },
    'How long the place of a participant whose connection was lost is kept, in milliseconds',
  ),
  consentMs: integer(
    'PARLEY_RTC_CONSENT_MS',
    { default: 30_000, min: 1_000, max: 30_000 },
    'Without a sign of consent for this long a media connection has ended (RFC 7675), in milliseconds',
  ),
  maxParticipants: integer(
    'PARLEY_RTC_MAX_PARTICIPANTS',
    { default: 5_000, min: 1 },
    'Participants (players by WHEP among them) in one room',
  ),
  maxPublications: integer(
    'PARLEY_RTC_MAX_PUBLICATIONS',
    { default: 16, min: 1, max: 32 },
    'Publications of one participant',
  ),
  loudest: integer(
    'PARLEY_RTC_LOUDEST',
    { default: 9, min: 1 },
    'Microphones of a room that are forwarded at once: the loudest; the others wait',
  ),
  workerSilenceMs: integer(
    'PARLEY_RTC_WORKER_SILENCE_MS',
    { default: 1_500, min: 1_000, max: 60_000 },
    'A media worker whose packet thread gives no sign of life for this long is killed and its participants move, in milliseconds',
  ),
  workerScriptSilenceMs: integer(
    'PARLEY_RTC_WORKER_SCRIPT_SILENCE_MS',
    { default: 30_000, min: 1_000, max: 600_000 },
    'A media worker whose JavaScript thread answers nothing for this long is killed although its media flows, in milliseconds',
  ),
  workerFullPercent: integer(
    'PARLEY_RTC_WORKER_FULL_PERCENT',
    { default: 85, min: 1, max: 100 },
    'A media worker whose packet thread is busy for more than this share of the time takes no newcomers; when all are, joins are refused with `overloaded`. 100: never',
  ),
  roomSpread: integer(
    'PARLEY_RTC_ROOM_SPREAD',
    { default: 4_000, min: 1 },
    'What a media worker carries (participants, publications and streams to subscribers) before further participants of its rooms go to another',
  ),
  clusterAddress: optionalString(
    'PARLEY_RTC_CLUSTER_ADDRESS',
    'Host and port (`10.0.0.5:7690`; port 0 picks one) on which this server process takes frames and requests for its rooms from others on the same database and master key; absent, each process answers `unavailable` for rooms of another',
  ),
  congestion: flag(
    'PARLEY_RTC_CONGESTION',
    true,
    'Measure the path to each subscriber and send what it carries; false: judge paths by loss alone',
  ),
  repair: flag(
    'PARLEY_RTC_REPAIR',
    true,
    'Answer random loss with redundancy: deeper RED, copies, several answers to one request; false: requests alone',
  ),
  fec: flag(
    'PARLEY_RTC_FEC',
    true,
    'Protect VP8 and VP9 pictures by ULPFEC where random loss meets a long round trip; false: requests and copies alone',
  ),
  dataMessagesPerSecond: integer(
    'PARLEY_RTC_DATA_MESSAGES_PER_SECOND',
    { default: 100, min: 1, max: 10_000 },
    'Messages that one participant may send over data channels in a second; so many at once',
  ),
  dataBytesPerSecond: integer(
    'PARLEY_RTC_DATA_BYTES_PER_SECOND',
    { default: 262_144, min: 1_024 },
    'Bytes that one participant may send over data channels in a second; so many, or one message, at once',
  ),
  dataQueueBytes: integer(
    'PARLEY_RTC_DATA_QUEUE_BYTES',
    { default: 1_048_576, min: 131_072 },
    'Reliable messages that wait for one slow participant, in bytes; what is beyond is lost to it, and it is told',
  ),
  dataDeliveriesPerSecond: integer(
    'PARLEY_RTC_DATA_DELIVERIES_PER_SECOND',
    { default: 5_000, min: 100 },
    'Pieces of 1 KiB that one media worker delivers in a second, counted by receivers; beyond it `rate-limited`',
  ),
  roomLeaseMs: integer(
    'PARLEY_RTC_ROOM_LEASE_MS',
    { default: 6_000, min: 1_000, max: 60_000 },
    'After this long without a sign of life another server process may take over the rooms of one, in milliseconds',
  ),
} as const

export type RtcSettings = SettingValues<typeof rtcSettings>
