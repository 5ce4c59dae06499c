import { randomBytes } from 'node:crypto'

const iceAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

function token(random: Uint8Array): string {
  let text = ''
  for (const byte of random) text += iceAlphabet[byte & 63]
  return text
}

/** Random credentials with at least the entropy of RFC 8839 section 5.4. */
export function newIceCredentials(): { iceUfrag: string; icePwd: string } {
  const random = randomBytes(32)
  return { iceUfrag: token(random.subarray(0, 8)), icePwd: token(random.subarray(8)) }
}
