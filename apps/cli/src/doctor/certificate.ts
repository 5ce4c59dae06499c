import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { readSettings } from '@parley/core/kernel'
import { tlsSettings } from '@parley/core/tls'
import { type Check, type Finding, fine, lacking, problem } from './finding.ts'

const dayMs = 86_400_000
const soonDays = 21
const name = 'Certificate'

/** The PEM files of PARLEY_TLS_CERT: readable, belonging together, for the public address, and not about to end. */
export const checkCertificate: Check = ({ installation }) => {
  const { certificateFile, keyFile, tls } = readSettings(tlsSettings, installation.source)
  if (certificateFile === undefined && keyFile === undefined)
    return [fine(name, tls === 'off' ? 'none: TLS is left to a proxy' : `kept by Parley (${tls})`)]
  if (certificateFile === undefined || keyFile === undefined)
    return [problem(name, 'one of PARLEY_TLS_CERT and PARLEY_TLS_KEY is missing', 'Set both')]
  const { publicUrl } = installation.settings
  return [look(certificateFile, keyFile, publicUrl === undefined ? undefined : new URL(publicUrl).hostname)]
}

function look(certificateFile: string, keyFile: string, host: string | undefined): Finding {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(readFileSync(certificateFile))
    if (!certificate.checkPrivateKey(createPrivateKey(readFileSync(keyFile))))
      return problem(
        name,
        `${keyFile} is not the key of ${certificateFile}`,
        'Set the pair that belongs together',
      )
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    return problem(name, `${certificateFile} or ${keyFile} cannot be read: ${detail}`, 'Both are PEM files')
  }
  const days = Math.floor((Date.parse(certificate.validTo) - Date.now()) / dayMs)
  if (Date.parse(certificate.validFrom) > Date.now())
    return problem(name, `${certificateFile} is valid only from ${certificate.validFrom}`, 'See the clock')
  if (days < 0) return problem(name, `${certificateFile} ended on ${certificate.validTo}`, 'Renew it')
  if (host !== undefined && !isFor(certificate, host))
    return problem(
      name,
      `${certificateFile} is not for ${host} of PARLEY_PUBLIC_URL`,
      'Get one for that name',
    )
  if (days < soonDays) return lacking(name, `${certificateFile} ends in ${days} days`, 'Renew it')
  return fine(name, `${certificateFile}, ${days} days left`)
}

function isFor(certificate: X509Certificate, host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '')
  return (isIP(bare) === 0 ? certificate.checkHost(bare) : certificate.checkIP(bare)) !== undefined
}
