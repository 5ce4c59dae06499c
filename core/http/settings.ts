import { integer, type SettingValues, secret } from '@parley/core/kernel'

/** Limits of the HTTP server. Rates are per process. */
export const httpSettings = {
  maxBodyBytes: integer(
    'PARLEY_HTTP_MAX_BODY_BYTES',
    { default: 1_048_576, min: 1_024 },
    'Largest JSON body of a request. Bytes',
  ),
  maxJsonDepth: integer(
    'PARLEY_HTTP_MAX_JSON_DEPTH',
    { default: 32, min: 4, max: 512 },
    'Deepest nesting of arrays and objects in a JSON body',
  ),
  maxUrlBytes: integer(
    'PARLEY_HTTP_MAX_URL_BYTES',
    { default: 8_192, min: 256 },
    'Longest path with query. Bytes',
  ),
  maxHeaderBytes: integer(
    'PARLEY_HTTP_MAX_HEADER_BYTES',
    { default: 16_384, min: 1_024 },
    'Request line and all headers together. Bytes',
  ),
  maxInFlight: integer(
    'PARLEY_HTTP_MAX_IN_FLIGHT',
    { default: 2_000, min: 1 },
    'Requests a process works on at once before it answers `overloaded`',
  ),
  headersTimeoutMs: integer(
    'PARLEY_HTTP_HEADERS_TIMEOUT_MS',
    { default: 10_000, min: 100 },
    'Time for the headers of a request to arrive. Milliseconds',
  ),
  requestTimeoutMs: integer(
    'PARLEY_HTTP_REQUEST_TIMEOUT_MS',
    { default: 30_000, min: 100 },
    'Time for a whole request to arrive, body included. Milliseconds',
  ),
  keepAliveTimeoutMs: integer(
    'PARLEY_HTTP_KEEP_ALIVE_MS',
    { default: 65_000, min: 1_000 },
    'How long an idle connection is kept, longer than the 60 s of common proxies. Milliseconds',
  ),
  drainMs: integer(
    'PARLEY_HTTP_DRAIN_MS',
    { default: 10_000 },
    'How long running requests may take to finish when the process stops. Milliseconds',
  ),
  keyBurst: integer('PARLEY_HTTP_KEY_BURST', { default: 10_000, min: 1 }, 'Requests of an API key at once'),
  keyPerSecond: integer(
    'PARLEY_HTTP_KEY_PER_SECOND',
    { default: 5_000, min: 1 },
    'Requests of an API key a second, lasting',
  ),
  userBurst: integer('PARLEY_HTTP_USER_BURST', { default: 300, min: 1 }, 'Requests of a user at once'),
  userPerSecond: integer(
    'PARLEY_HTTP_USER_PER_SECOND',
    { default: 100, min: 1 },
    'Requests of a user a second, lasting',
  ),
  addressBurst: integer(
    'PARLEY_HTTP_ADDRESS_BURST',
    { default: 500, min: 1 },
    'Requests without credentials of an address (IPv6: a /64) at once',
  ),
  addressPerSecond: integer(
    'PARLEY_HTTP_ADDRESS_PER_SECOND',
    { default: 100, min: 1 },
    'Requests without credentials of an address a second, lasting',
  ),
  failureBurst: integer(
    'PARLEY_HTTP_FAILURE_BURST',
    { default: 100, min: 1 },
    'Wrong credentials of an address at once; then it is refused before they are looked at',
  ),
  failurePerSecond: integer(
    'PARLEY_HTTP_FAILURE_PER_SECOND',
    { default: 10, min: 1 },
    'Wrong credentials of an address a second, lasting',
  ),
  idempotencyTtlMs: integer(
    'PARLEY_HTTP_IDEMPOTENCY_TTL_MS',
    { default: 86_400_000, min: 1_000 },
    'How long the answer to an Idempotency-Key is kept. Milliseconds',
  ),
  idempotencyLeaseMs: integer(
    'PARLEY_HTTP_IDEMPOTENCY_LEASE_MS',
    { default: 120_000, min: 100 },
    'After this time a call that never ended (its process died) may be run again. Milliseconds',
  ),
  trustedProxyHops: integer(
    'PARLEY_TRUSTED_PROXY_HOPS',
    { default: 0, max: 10 },
    'Reverse proxies in front that append to X-Forwarded-For; 0 takes the address of the connection',
  ),
  metricsToken: secret(
    'PARLEY_METRICS_TOKEN',
    'Bearer token for /metrics; without it only direct connections from this machine may read it',
  ),
} as const

export type HttpSettings = SettingValues<typeof httpSettings>
