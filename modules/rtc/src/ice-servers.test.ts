import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { iceServers } from './ice-servers.ts'

test('RTC-40: TURN credentials expire and are what coturn computes', () => {
  const urls = 'turn:a.example:3478, turns:a.example:5349?transport=tcp'
  const [server] = iceServers({ urls, secret: 'shared', ttlMs: 60_000 }, 'zoë', 1_000_000)
  expect(server?.urls).toEqual(['turn:a.example:3478', 'turns:a.example:5349?transport=tcp'])
  expect(server?.username).toBe('1060:zo%C3%AB')
  expect(server?.credential).toBe(createHmac('sha1', 'shared').update('1060:zo%C3%AB').digest('base64'))
  expect(iceServers({ urls: undefined, secret: 'shared', ttlMs: 1 }, 'bob')).toEqual([])
})
