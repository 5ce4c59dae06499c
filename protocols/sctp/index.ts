export { SctpAssociation, type SctpAssociationOptions, type SctpCloseReason } from './association.ts'
export { payloadProtocols, type SctpChunk } from './chunk.ts'
export {
  type DataChannelControl,
  type DataChannelOpen,
  parseDataChannelControl,
  serializeDataChannelControl,
} from './data-channel.ts'
export type { SctpMessage } from './inbound.ts'
export type { OutgoingMessage } from './outbound.ts'
export { parseSctp, type SctpPacket } from './parse.ts'
export { serializeSctp } from './serialize.ts'
