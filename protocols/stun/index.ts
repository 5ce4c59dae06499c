export { formatAddress, parseAddress, type TransportAddress } from './address.ts'
export { isComprehensionRequired, MAGIC_COOKIE, type StunAttribute } from './attribute.ts'
export {
  BINDING,
  findAttribute,
  isStun,
  parseStun,
  type ReceivedStunMessage,
  type StunClass,
  type StunMessage,
  type StunSeal,
  serializeStun,
  unknownRequiredAttributes,
  verifyIntegrity,
} from './message.ts'
