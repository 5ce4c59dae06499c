import { randomBytes } from 'node:crypto'

const iceAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

function token(length: number): string {
  return Array.from(randomBytes(length), (byte) => iceAlphabet[byte & 63]).join('')
}

/** Random credentials with at least the entropy of RFC 8839 section 5.4. */
export function newIceCredentials(): { iceUfrag: string; icePwd: string } {
  return { iceUfrag: token(8), icePwd: token(24) }
}
