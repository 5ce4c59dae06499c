import {
  choice,
  integer,
  optionalInteger,
  optionalString,
  type SettingValues,
  secret,
} from '@parley/core/kernel'

/** How clients reach this installation over TLS without a proxy in front. */
export const tlsSettings = {
  tls: choice(
    'PARLEY_TLS',
    ['off', 'self-signed', 'acme'],
    'off',
    'self-signed makes and keeps a certificate for the addresses of this machine; acme gets one for ' +
      'PARLEY_ACME_DOMAINS; your own files need PARLEY_TLS_CERT and PARLEY_TLS_KEY only',
  ),
  certificateFile: optionalString(
    'PARLEY_TLS_CERT',
    'PEM file with the certificate and those that vouch for it; read again when it changes and on SIGHUP',
  ),
  keyFile: optionalString('PARLEY_TLS_KEY', 'PEM file with the private key of PARLEY_TLS_CERT'),
  plainPort: optionalInteger(
    'PARLEY_HTTP_PORT',
    'Port without TLS that sends everybody to https and answers ACME challenges; with PARLEY_TLS=acme 80 unless said ' +
      'otherwise, as the challenge of ACME comes to port 80; else none',
  ),
  acmeDirectory: optionalString(
    'PARLEY_ACME_DIRECTORY',
    "Address of the ACME directory; Let's Encrypt when absent",
  ),
  acmeDomains: optionalString(
    'PARLEY_ACME_DOMAINS',
    'Host names of the certificate, separated by commas; the first is that of PARLEY_PUBLIC_URL unless said otherwise',
  ),
  acmeEmail: optionalString('PARLEY_ACME_EMAIL', 'Where the certificate authority may write to'),
  acmeKeyId: optionalString(
    'PARLEY_ACME_EAB_KEY_ID',
    'Key id of the account that the certificate authority keeps for you, when it asks for one',
  ),
  acmeKey: secret('PARLEY_ACME_EAB_KEY', 'Base64url key that belongs to PARLEY_ACME_EAB_KEY_ID'),
  acmeTimeoutMs: integer(
    'PARLEY_ACME_TIMEOUT_MS',
    { default: 180_000, min: 1_000, max: 3_600_000 },
    'Longest time of one attempt to get a certificate. Milliseconds',
  ),
} as const

export type TlsSettings = SettingValues<typeof tlsSettings>
