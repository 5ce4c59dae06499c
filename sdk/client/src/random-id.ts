/** 128 random bits in hex. `crypto.randomUUID` is missing on plain-http origins, `getRandomValues` is not. */
export function randomId(prefix: string): string {
  let id = `${prefix}_`
  for (const byte of crypto.getRandomValues(new Uint8Array(16))) id += byte.toString(16).padStart(2, '0')
  return id
}
