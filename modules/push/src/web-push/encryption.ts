import { createCipheriv, createECDH, type ECDH, hkdfSync, randomBytes } from 'node:crypto'
import { ProtocolViolation } from '@parley/protocols/violation'

export interface SubscriberKeys {
  /** P-256 point, uncompressed. 65 bytes. */
  publicKey: Uint8Array
  /** 16 bytes. */
  authSecret: Uint8Array
}

export interface EncryptOptions {
  salt?: Uint8Array
  /** Our side of the agreement; a fresh key by default, as RFC 8291 demands one for each message. */
  sender?: ECDH
}

const recordSize = 4096
const pointBytes = 65
const tagBytes = 16
/** salt, record size, length of the key id, key id */
const headBytes = 16 + 4 + 1 + pointBytes

/** Most bytes of plain text: push services take 4096 bytes of body (RFC 8030, section 7.2). */
export const maxPlainBytes = recordSize - headBytes - tagBytes - 1

/**
 * One message in one record of aes128gcm (RFC 8188) under keys agreed with the subscriber (RFC 8291). Throws a
 * ProtocolViolation when the subscriber's key is no point of the curve, or the text is too long.
 */
export function encryptWebPush(
  plain: Uint8Array,
  keys: SubscriberKeys,
  options: EncryptOptions = {},
): Buffer {
  if (keys.publicKey.length !== pointBytes || keys.publicKey[0] !== 4)
    throw new ProtocolViolation('web push', 'p256dh is not an uncompressed P-256 point')
  if (keys.authSecret.length !== 16) throw new ProtocolViolation('web push', 'auth is not 16 bytes long')
  if (plain.length > maxPlainBytes)
    throw new ProtocolViolation('web push', 'the message is too long for one record')
  const { salt = randomBytes(16), sender = newSender() } = options
  const ours = sender.getPublicKey()
  const keyInfo = Buffer.concat([Buffer.from('WebPush: info\0'), keys.publicKey, ours])
  const inputKey = derive(agree(sender, keys.publicKey), keys.authSecret, keyInfo, 32)
  const contentKey = derive(inputKey, salt, 'Content-Encoding: aes128gcm\0', 16)
  const nonce = derive(inputKey, salt, 'Content-Encoding: nonce\0', 12)
  const head = Buffer.alloc(5)
  head.writeUInt32BE(recordSize, 0)
  head.writeUInt8(ours.length, 4)
  const cipher = createCipheriv('aes-128-gcm', contentKey, nonce)
  // The delimiter of the last record (RFC 8188, section 2), without padding after it.
  const sealed = [cipher.update(plain), cipher.update(Buffer.of(2)), cipher.final(), cipher.getAuthTag()]
  return Buffer.concat([salt, head, ours, ...sealed])
}

function newSender(): ECDH {
  const sender = createECDH('prime256v1')
  sender.generateKeys()
  return sender
}

function agree(sender: ECDH, theirs: Uint8Array): Buffer {
  try {
    return sender.computeSecret(theirs)
  } catch (cause) {
    throw new ProtocolViolation('web push', 'p256dh is not a point of P-256', { cause })
  }
}

function derive(key: Uint8Array, salt: Uint8Array, info: Uint8Array | string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, info, bytes))
}
