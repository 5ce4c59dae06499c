import { readFileSync, statSync } from 'node:fs'
import type { Logger, Scope } from '@parley/core/kernel'
import type { KeyedCertificate } from './certificate.ts'
import type { ServedCertificate } from './served-certificate.ts'

export interface CertificatePaths {
  certificateFile: string
  keyFile: string
}

/** Throws what the file system says. */
export function readCertificateFiles({ certificateFile, keyFile }: CertificatePaths): KeyedCertificate {
  return { certificate: readFileSync(certificateFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
}

/**
 * Serves the files anew when they change and when the process gets SIGHUP. Their state is polled, as links that are
 * swung to a new folder (certbot, Kubernetes) give no reliable notice. Files that do not fit are told in the log and
 * leave what is served alone; they are tried again when they change. Ends with the scope.
 */
export function followCertificateFiles(
  served: ServedCertificate,
  options: CertificatePaths & { scope: Scope; logger: Logger; pollMs: number },
): void {
  const { scope, logger, pollMs } = options
  let known = stateOf(options)
  let seen = known

  const reload = (): void => {
    known = stateOf(options)
    seen = known
    try {
      const { notAfter, fingerprint } = served.replace(readCertificateFiles(options))
      logger.info({ notAfter, fingerprint }, 'a new certificate is served')
    } catch (error) {
      const { notAfter } = served.facts
      logger.error(
        { error, certificateFile: options.certificateFile, keyFile: options.keyFile, servedUntil: notAfter },
        'the certificate files cannot be served; the certificate from before stays',
      )
    }
  }

  scope.every('certificate files', pollMs, () => {
    const state = stateOf(options)
    const settled = state === seen
    seen = state
    // Two files are not written at once: they count when a look later nothing has moved any more.
    if (settled && state !== known) reload()
  })
  process.on('SIGHUP', reload)
  scope.onClose('SIGHUP', () => {
    process.off('SIGHUP', reload)
  })
}

function stateOf({ certificateFile, keyFile }: CertificatePaths): string {
  return [certificateFile, keyFile]
    .map((path) => {
      const stat = statSync(path, { throwIfNoEntry: false })
      return stat === undefined ? 'absent' : `${stat.ino}/${stat.size}/${stat.mtimeMs}`
    })
    .join(' ')
}
