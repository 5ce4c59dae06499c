import { expect, test } from 'vitest'
import { webhooks } from './webhooks.ts'

const secret = `whsec_${Buffer.alloc(32, 3).toString('base64')}`
const body = JSON.stringify({
  id: 'evt_1',
  type: 'message.created',
  source: '/',
  time: '',
  data: { text: 'hé' },
})

test('a delivery that is signed is answered as its event', () => {
  const headers = webhooks.sign(body, { id: 'evt_1', secret })
  expect(webhooks.verify(body, headers, { secret })).toEqual(JSON.parse(body))
  expect(webhooks.verify(Buffer.from(body), new Headers({ ...headers }), { secret: [secret] }).id).toBe(
    'evt_1',
  )
  const upper = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toUpperCase(), [value]]),
  )
  expect(webhooks.verify(body, upper, { secret }).id).toBe('evt_1')
})

test('a delivery that lies is webhook-invalid', () => {
  const headers = webhooks.sign(body, { id: 'evt_1', secret })
  const invalid = expect.objectContaining({ code: 'webhook-invalid' })
  expect(() => webhooks.verify(`${body} `, headers, { secret })).toThrow(invalid)
  expect(() => webhooks.verify(body, {}, { secret })).toThrow(invalid)
  const old = webhooks.sign(body, { id: 'evt_1', secret, now: new Date(Date.now() - 600_000) })
  expect(() => webhooks.verify(body, old, { secret })).toThrow(invalid)
  const notJson = webhooks.sign('x', { id: 'evt_1', secret })
  expect(() => webhooks.verify('x', notJson, { secret })).toThrow(invalid)
})
