export { deriveSessionKeys, type SrtpSessionKeys, type StreamKeys } from './key-derivation.ts'
export { SrtpSession } from './session.ts'
