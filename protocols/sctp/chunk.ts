/** User data: a message or a piece of one (RFC 9260, section 3.3.1). */
export interface DataChunk {
  readonly type: 'data'
  readonly tsn: number
  readonly stream: number
  readonly sequence: number
  /** What the payload is, in network order: of WebRTC see `payloadProtocols`. */
  readonly protocol: number
  readonly beginning: boolean
  readonly ending: boolean
  readonly unordered: boolean
  /** The sender wants to hear of it at once (RFC 7053). */
  readonly immediate: boolean
  readonly payload: Uint8Array
}

export interface InitChunk {
  readonly type: 'init' | 'init-ack'
  readonly tag: number
  readonly window: number
  readonly outboundStreams: number
  readonly inboundStreams: number
  readonly initialTsn: number
  readonly parameters: readonly SctpParameter[]
}

export interface SackChunk {
  readonly type: 'sack'
  readonly cumulative: number
  readonly window: number
  /** First and last of what arrived, as distances from `cumulative`. */
  readonly gaps: readonly (readonly [first: number, last: number])[]
  readonly duplicates: readonly number[]
}

/** What the sender gave up (RFC 3758). */
export interface ForwardTsnChunk {
  readonly type: 'forward-tsn'
  readonly cumulative: number
  readonly streams: readonly (readonly [stream: number, sequence: number])[]
}

export type SctpChunk =
  | DataChunk
  | InitChunk
  | SackChunk
  | ForwardTsnChunk
  | { readonly type: 'heartbeat' | 'heartbeat-ack'; readonly info: Uint8Array }
  | { readonly type: 'abort' | 'shutdown-complete'; readonly reflected: boolean }
  | { readonly type: 'shutdown'; readonly cumulative: number }
  | { readonly type: 'shutdown-ack' | 'cookie-ack' | 'error' }
  | { readonly type: 'cookie-echo'; readonly cookie: Uint8Array }
  | { readonly type: 'reconfig'; readonly parameters: readonly SctpParameter[] }

export interface SctpParameter {
  readonly kind: number
  readonly value: Uint8Array
}

/** Parameters and chunk types that extensions use. */
export const parameterKinds = {
  cookie: 7,
  outgoingReset: 13,
  reconfigResponse: 16,
  supportedExtensions: 0x8008,
  forwardTsnSupported: 0xc000,
} as const
export const chunkKinds = {
  data: 0,
  init: 1,
  'init-ack': 2,
  sack: 3,
  heartbeat: 4,
  'heartbeat-ack': 5,
  abort: 6,
  shutdown: 7,
  'shutdown-ack': 8,
  error: 9,
  'cookie-echo': 10,
  'cookie-ack': 11,
  'shutdown-complete': 14,
  reconfig: 130,
  'forward-tsn': 192,
} as const satisfies Record<SctpChunk['type'], number>

/** What WebRTC puts into `DataChunk.protocol` (RFC 8831, section 8). */
export const payloadProtocols = {
  control: 50,
  text: 51,
  binary: 53,
  emptyText: 56,
  emptyBinary: 57,
} as const
