import { ConfigError } from '@parley/core/kernel'
import { expect, test } from 'vitest'
import { workerCandidates } from '../connection/server-transport.ts'
import { mediaAddresses } from './addresses.ts'

test('RTC-41: behind a 1:1 NAT the public address stands for the local ones of its family', () => {
  const local = '10.0.0.5, 2001:db8::5, 127.0.0.1'
  const { local: bound, announced } = mediaAddresses({ local, publicAddress: '203.0.113.9', loopback: true })
  expect(bound).toEqual(['10.0.0.5', '2001:db8::5', '127.0.0.1'])
  expect(announced).toEqual(['203.0.113.9', '2001:db8::5', '127.0.0.1'])
  expect(() => mediaAddresses({ local, publicAddress: 'media.example.com', loopback: true })).toThrow(
    ConfigError,
  )
})

test('RTC-41: by default all local addresses are candidates, UDP before TCP', () => {
  const { local, announced } = mediaAddresses({ local: undefined, publicAddress: undefined, loopback: true })
  expect(announced).toEqual(local)
  expect(local).toContain('127.0.0.1')
  const candidates = workerCandidates(['192.0.2.1', '2001:db8::1'], 7701)
  expect(candidates.map(({ transport, address, tcpType }) => [transport, address, tcpType])).toEqual([
    ['udp', '192.0.2.1', undefined],
    ['udp', '2001:db8::1', undefined],
    ['tcp', '192.0.2.1', 'passive'],
    ['tcp', '2001:db8::1', 'passive'],
  ])
  const priorities = candidates.map(({ priority }) => priority)
  expect([...priorities].sort((a, b) => b - a)).toEqual(priorities)
})
