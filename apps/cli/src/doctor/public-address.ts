import { httpSettings } from '@parley/core/http'
import { readSettings } from '@parley/core/kernel'
import { tlsSettings } from '@parley/core/tls'
import { z } from 'zod'
import { type Check, type Finding, fine, lacking, problem } from './finding.ts'

const answerTimeoutMs = 5_000
const name = 'Public address'

/** Whether clients come to this installation by the address they are told. */
export const checkPublicAddress: Check = async ({ installation }) => {
  const { publicUrl, contentUrl, mode } = installation.settings
  if (publicUrl === undefined) {
    if (mode === 'development') return [fine(name, 'none: this machine only')]
    return [lacking(name, 'none is set; links point to localhost', 'Set PARLEY_PUBLIC_URL')]
  }
  const { trustedProxyHops } = readSettings(httpSettings, installation.source)
  const { tls, certificateFile } = readSettings(tlsSettings, installation.source)
  const own = tls !== 'off' || certificateFile !== undefined
  const { protocol, origin } = new URL(publicUrl)
  const findings: Finding[] = [await reach(publicUrl)]
  if (protocol === 'https:' && !own && trustedProxyHops === 0)
    findings.push(
      lacking(
        'Proxy',
        `${origin} is https and Parley serves none: a proxy is in front, and limits count it as one client`,
        'Set PARLEY_TRUSTED_PROXY_HOPS=1, or PARLEY_TLS',
      ),
    )
  if (protocol === 'http:' && own)
    findings.push(
      problem(name, `${origin} is http, but Parley serves https`, 'Write https in PARLEY_PUBLIC_URL'),
    )
  if (contentUrl !== undefined && new URL(contentUrl).origin === origin)
    findings.push(
      problem(
        'Content origin',
        'what users upload is served from the origin of the API',
        'Give PARLEY_CONTENT_URL another host name or port',
      ),
    )
  return findings
}

async function reach(publicUrl: string): Promise<Finding> {
  const url = new URL('/healthz', publicUrl)
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(answerTimeoutMs), redirect: 'error' })
    const body = z.object({ status: z.string() }).safeParse(await answer.json().catch(() => undefined))
    if (body.success) return fine(name, `${publicUrl} is answered by Parley`)
    return problem(
      name,
      `${publicUrl} is answered by something else (${answer.status})`,
      'See the proxy and DNS',
    )
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
    return lacking(
      name,
      `${publicUrl} is not reached from here: ${cause}`,
      'See DNS, the proxy and the firewall',
    )
  }
}
