import { createECDH, randomBytes } from 'node:crypto'
import { ProtocolViolation } from '@parley/protocols/violation'
import { expect, test } from 'vitest'
import { decryptWebPush } from '../../tests/web-push-receiver.ts'
import { encryptWebPush, maxPlainBytes } from './encryption.ts'

const bytes = (text: string): Buffer => Buffer.from(text, 'base64url')

test('PUSH-20: the example of RFC 8291, appendix A, comes out byte for byte', () => {
  const sender = createECDH('prime256v1')
  sender.setPrivateKey(bytes('yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw'))
  const sealed = encryptWebPush(
    Buffer.from('When I grow up, I want to be a watermelon'),
    {
      publicKey: bytes(
        'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
      ),
      authSecret: bytes('BTBZMqHH6r4Tts7J_aSIgg'),
    },
    { salt: bytes('DGv6ra1nlYgDCS1FRnbzlw'), sender },
  )
  expect(sealed.toString('base64url')).toBe(
    'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml' +
      'mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT' +
      'pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
  )
})

test('PUSH-20: what is sealed opens with the keys of the subscriber, up to the last byte that fits', () => {
  const subscriber = createECDH('prime256v1')
  const publicKey = subscriber.generateKeys()
  const authSecret = randomBytes(16)
  for (const length of [0, 1, maxPlainBytes]) {
    const plain = randomBytes(length)
    const sealed = encryptWebPush(plain, { publicKey, authSecret })
    expect(sealed.length).toBeLessThanOrEqual(4096)
    expect(decryptWebPush(sealed, subscriber, authSecret).equals(plain)).toBe(true)
  }
})

test('keys that are none, and text that does not fit, are refused', () => {
  const publicKey = createECDH('prime256v1').generateKeys()
  const authSecret = randomBytes(16)
  const offCurve = Buffer.concat([Buffer.of(4), Buffer.alloc(64, 1)])
  const plain = Buffer.from('x')
  for (const keys of [
    { publicKey: offCurve, authSecret },
    { publicKey: publicKey.subarray(1), authSecret },
    { publicKey, authSecret: authSecret.subarray(1) },
  ]) {
    expect(() => encryptWebPush(plain, keys)).toThrow(ProtocolViolation)
  }
  expect(() => encryptWebPush(Buffer.alloc(maxPlainBytes + 1), { publicKey, authSecret })).toThrow(
    ProtocolViolation,
  )
})
