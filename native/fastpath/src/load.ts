import { createRequire } from 'node:module'
import { ensureFastpath } from '../build.mjs'
import type { NativeAddon } from './native.ts'

/** The packet path could not be built here; `mend` is the line that mends it. */
export class FastpathUnavailableError extends Error {
  readonly mend: string

  constructor(reason: string, mend: string) {
    super(`the native packet path is unavailable: ${reason}. Mend: ${mend}`)
    this.name = 'FastpathUnavailableError'
    this.mend = mend
  }
}

/**
 * Builds the addon when its sources changed (seconds), else takes the cached one, and loads it.
 * @throws FastpathUnavailableError without a compiler or on a platform that has no packet path.
 */
export async function loadFastpath(log: (line: string) => void = () => {}): Promise<NativeAddon> {
  const built = await ensureFastpath({ log })
  if ('unavailable' in built) throw new FastpathUnavailableError(built.unavailable, built.mend)
  return createRequire(import.meta.url)(built.path) as NativeAddon
}
