/** What has just lost its right to be connected. */
export type Revocation =
  | { kind: 'key'; projectId: string; keyId: string }
  | { kind: 'user'; projectId: string; userId: string; notBeforeMs: number }

/** The facts of a connection that a revocation is matched against. */
export interface Credential {
  projectId: string
  userId: string
  keyId: string
  issuedAtMs: number
}

/**
 * How long a revocation is remembered after it was seen: longer than any connection may take from the check of its
 * token to being open, so that none slips in between.
 */
const rememberMs = 120_000

/** Revocations this process has seen lately. */
export class RecentRevocations {
  readonly #recent: { revocation: Revocation; seenAtMs: number }[] = []

  add(revocation: Revocation, nowMs: number): void {
    const horizon = nowMs - rememberMs
    const firstKept = this.#recent.findIndex((entry) => entry.seenAtMs >= horizon)
    this.#recent.splice(0, firstKept === -1 ? this.#recent.length : firstKept)
    this.#recent.push({ revocation, seenAtMs: nowMs })
  }

  find(credential: Credential): Revocation | undefined {
    return this.#recent.find(({ revocation }) => isRevoked(credential, revocation))?.revocation
  }
}

export function isRevoked(credential: Credential, revocation: Revocation): boolean {
  if (credential.projectId !== revocation.projectId) return false
  if (revocation.kind === 'key') return credential.keyId === revocation.keyId
  return credential.userId === revocation.userId && credential.issuedAtMs < revocation.notBeforeMs
}
