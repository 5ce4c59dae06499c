import { createHmac, randomBytes } from 'node:crypto'
import { ProtocolViolation } from '@parley/protocols/violation'
import { describe, expect, test } from 'vitest'
import { signWebhook, verifyWebhook } from './standard-webhooks.ts'

const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`
const nowMs = 1_750_000_000_000
const body = '{"type":"message.created","text":"héllo"}'

test('the signature is HMAC-SHA256 of id, timestamp and body under the decoded secret', () => {
  const key = Buffer.alloc(24, 1)
  const headers = signWebhook(body, { id: 'evt_1', nowMs, secrets: [`whsec_${key.toString('base64')}`] })
  const expected = createHmac('sha256', key).update(`evt_1.1750000000.${body}`).digest('base64')
  expect(headers).toEqual({
    'webhook-id': 'evt_1',
    'webhook-timestamp': '1750000000',
    'webhook-signature': `v1,${expected}`,
  })
})

test('what is signed verifies, as text and as bytes', () => {
  const secret = newSecret()
  const headers = signWebhook(body, { id: 'evt_1', nowMs, secrets: [secret] })
  verifyWebhook(body, headers, { secrets: [secret], nowMs })
  verifyWebhook(Buffer.from(body), headers, { secrets: [secret], nowMs: nowMs + 299_000 })
})

test('one of several secrets is enough on either side, so that secrets can be rotated', () => {
  const [before, after] = [newSecret(), newSecret()]
  const headers = signWebhook(body, { id: 'evt_1', nowMs, secrets: [before, after] })
  verifyWebhook(body, headers, { secrets: [after], nowMs })
  verifyWebhook(body, headers, { secrets: [newSecret(), before], nowMs })
})

describe('refuses', () => {
  const secret = newSecret()
  const good = signWebhook(body, { id: 'evt_1', nowMs, secrets: [secret] })
  test.each([
    ['another id', { ...good, 'webhook-id': 'evt_2' }],
    ['another timestamp', { ...good, 'webhook-timestamp': '1750000001' }],
    ['a timestamp that is no number', { ...good, 'webhook-timestamp': 'now' }],
    ['a missing id', { ...good, 'webhook-id': undefined }],
    ['a missing signature', { ...good, 'webhook-signature': undefined }],
    [
      'a signature of another version',
      { ...good, 'webhook-signature': good['webhook-signature'].replace('v1', 'v2') },
    ],
    ['a short signature', { ...good, 'webhook-signature': 'v1,AAAA' }],
    ['nonsense', { ...good, 'webhook-signature': 'v1,*** v1 ,,' }],
  ])('%s', (_, headers) => {
    expect(() => verifyWebhook(body, headers, { secrets: [secret], nowMs })).toThrow(ProtocolViolation)
  })

  test('another body', () => {
    expect(() => verifyWebhook(`${body} `, good, { secrets: [secret], nowMs })).toThrow(ProtocolViolation)
  })

  test('another secret', () => {
    expect(() => verifyWebhook(body, good, { secrets: [newSecret()], nowMs })).toThrow(ProtocolViolation)
  })

  test('a delivery older or newer than the tolerance', () => {
    for (const offMs of [-301_000, 301_000]) {
      expect(() => verifyWebhook(body, good, { secrets: [secret], nowMs: nowMs + offMs })).toThrow(
        ProtocolViolation,
      )
    }
  })
})
