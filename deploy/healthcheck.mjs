// Ends with 0 when the server of this container is ready to serve, with 1 when it is not.
const { PARLEY_TLS: tls, PARLEY_TLS_CERT: certificate } = process.env
const secure = Boolean(certificate) || (Boolean(tls) && tls !== 'off')
// The certificate names the public address, not this one.
if (secure) process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
const url = `${secure ? 'https' : 'http'}://127.0.0.1:${process.env.PARLEY_PORT || 7700}/readyz`
try {
  const answer = await fetch(url, { signal: AbortSignal.timeout(4_000) })
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
} catch (error) {
  // The engine keeps it with the state of the container.
  console.error(`${url}: ${error instanceof Error ? (error.cause ?? error) : error}`)
  process.exitCode = 1
}
