import { createHmac } from 'node:crypto'
import { ProtocolViolation } from '@parley/protocols/violation'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseJwt, signJwt, verifyJwt } from './jwt.ts'

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

function signed(header: unknown, payload: unknown, secret = 's'): string {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

test('the HS256 example of RFC 7515, appendix A.1 verifies', () => {
  const token =
    'eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9' +
    '.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ' +
    '.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
  const key = Buffer.from(
    'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
    'base64url',
  )
  const jwt = parseJwt(token)
  expect(jwt.claims).toMatchObject({ iss: 'joe', exp: 1300819380 })
  expect(verifyJwt(jwt, key)).toBe(true)
  key[0] = (key[0] ?? 0) ^ 1
  expect(verifyJwt(jwt, key)).toBe(false)
})

test('what is signed is read back, and only by its secret', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string({ minLength: 1 }), (claims, secret) => {
      const jwt = parseJwt(signJwt(claims, secret))
      expect(JSON.stringify(jwt.claims)).toBe(JSON.stringify(JSON.parse(JSON.stringify(claims))))
      expect(verifyJwt(jwt, secret)).toBe(true)
      expect(verifyJwt(jwt, `${secret}x`)).toBe(false)
    }),
  )
})

describe('refuses', () => {
  const payload = { sub: 'alice' }
  const good = signJwt(payload, 's')
  const [header = '', body = '', signature = ''] = good.split('.')
  test.each([
    ['alg none', `${encode({ alg: 'none' })}.${body}.${signature}`],
    ['alg none without a signature', `${encode({ alg: 'none' })}.${body}.`],
    ['alg in other case', signed({ alg: 'hs256' }, payload)],
    ['alg HS512', signed({ alg: 'HS512' }, payload)],
    ['alg RS256', signed({ alg: 'RS256' }, payload)],
    ['no alg', signed({ typ: 'JWT' }, payload)],
    ['alg as a list', signed({ alg: ['HS256'] }, payload)],
    ['crit', signed({ alg: 'HS256', crit: ['b64'], b64: true }, payload)],
    ['a foreign typ', signed({ alg: 'HS256', typ: 'at+jwt' }, payload)],
    ['two segments', `${header}.${body}`],
    ['four segments', `${good}.x`],
    ['five segments (JWE)', `${good}.x.y`],
    ['an empty signature', `${header}.${body}.`],
    ['padding', `${header}=.${body}.${signature}`],
    ['the other base64 alphabet', `${header}.${body}.+/${signature.slice(2)}`],
    ['stray low bits', `${header}.${body}.${signature.slice(0, -1)}${nextLetter(signature.at(-1) ?? '')}`],
    ['white space', ` ${good}`],
    ['a payload that is a list', signed({ alg: 'HS256' }, [1])],
    ['a payload that is null', signed({ alg: 'HS256' }, null)],
    ['a payload that is not JSON', `${header}.${Buffer.from('{').toString('base64url')}.${signature}`],
    [
      'a payload that is not UTF-8',
      `${header}.${Buffer.from([0x22, 0xff, 0x22]).toString('base64url')}.${signature}`,
    ],
    ['8,193 characters', `${good}${'a'.repeat(8193)}`],
    ['nothing', ''],
  ])('%s', (_, token) => {
    expect(() => parseJwt(token)).toThrow(ProtocolViolation)
  })
})

test('any text is either a token or a ProtocolViolation', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' })), (token) => {
      try {
        parseJwt(token)
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolViolation)
      }
    }),
  )
})

test('a changed byte anywhere breaks the signature or the form', () => {
  const token = signJwt({ sub: 'alice', exp: 1 }, 's')
  for (let at = 0; at < token.length; at++) {
    const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
    expect(accepted(changed)).toBe(false)
  }
})

function accepted(token: string): boolean {
  try {
    return verifyJwt(parseJwt(token), 's')
  } catch {
    return false
  }
}

/** The next letter of the alphabet that spells the same bytes at the end of 32. */
function nextLetter(letter: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return alphabet[alphabet.indexOf(letter) ^ 1] ?? ''
}
