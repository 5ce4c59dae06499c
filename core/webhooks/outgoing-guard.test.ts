import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConfigError } from '@parley/core/kernel'
import { describe, expect, test } from 'vitest'
import { isPublicAddress } from './address-rules.ts'
import { CallTimeoutError, ForbiddenPlaceError, OutgoingCalls, OutgoingGuard } from './index.ts'

describe('HOOK-16: an address is public only when it is', () => {
  test.each([
    ['0.0.0.0', 'this network'],
    ['10.1.2.3', 'private'],
    ['100.64.0.1', 'carrier-grade NAT'],
    ['100.100.100.200', 'metadata'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['168.63.129.16', 'metadata'],
    ['169.254.169.254', 'metadata'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.0.0.192', 'metadata'],
    ['192.0.2.1', 'documentation'],
    ['192.168.1.1', 'private'],
    ['198.18.0.1', 'benchmarks'],
    ['224.0.0.1', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::127.0.0.1', 'IPv4-compatible'],
    ['::ffff:127.0.0.1', 'mapped loopback'],
    ['::ffff:a9fe:a9fe', 'mapped metadata'],
    ['::ffff:10.0.0.1', 'mapped private'],
    ['64:ff9b::a00:1', 'NAT64 of 10.0.0.1'],
    ['64:ff9b:1::1', 'local NAT64'],
    ['100::1', 'discard'],
    ['2001::1', 'Teredo'],
    ['2001:db8::1', 'documentation'],
    ['2002:7f00:1::', '6to4 of 127.0.0.1'],
    ['fc00::1', 'unique local'],
    ['fd00:ec2::254', 'metadata'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local with a zone'],
    ['fec0::1', 'site-local'],
    ['ff02::1', 'multicast'],
    ['example.org', 'no address'],
    ['', 'nothing'],
  ])('%s is refused: %s', (address) => {
    expect(isPublicAddress(address)).toBe(false)
  })

  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700::1111',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
  ])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true)
  })
})

describe('HOOK-17: where a name leads is judged by every address it has', () => {
  const names: Record<string, string[]> = {
    'inside.example': ['10.0.0.5'],
    'mixed.example': ['93.184.216.34', '127.0.0.1'],
    'mapped.example': ['::ffff:169.254.169.254'],
    'good.example': ['93.184.216.34', '2606:4700::1111'],
    'none.example': [],
  }
  const resolver = { resolve: async (host: string) => names[host] ?? [] }
  const guard = new OutgoingGuard({ resolver, allowLoopback: false })
  const place = (text: string) => guard.addressesOf(new URL(text))

  test('private and mixed answers are refused', async () => {
    for (const host of ['inside', 'mixed', 'mapped']) {
      await expect(place(`https://${host}.example/x`), host).rejects.toThrow(ForbiddenPlaceError)
    }
    await expect(place('https://none.example')).rejects.toThrow('has no address')
    expect(await place('https://good.example')).toEqual(names['good.example'])
  })

  test.each([
    'http://127.0.0.1',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://017700000001/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://169.254.169.254./',
    'http://１２７.0.0.1/',
  ])('%s is loopback or private however it is written', async (text) => {
    await expect(place(text)).rejects.toThrow(ForbiddenPlaceError)
    expect(guard.refusesLiteral(new URL(text))).toBe(true)
  })

  test('the allow list opens names, addresses and ranges, and nothing beside them', async () => {
    const allowing = new OutgoingGuard({
      resolver,
      allow: 'inside.example, 192.168.7.0/24,fd00::/8, 10.9.9.9',
      allowLoopback: false,
    })
    const opened = (text: string) => allowing.addressesOf(new URL(text))
    expect(await opened('http://inside.example')).toEqual(['10.0.0.5'])
    expect(await opened('http://192.168.7.9')).toEqual(['192.168.7.9'])
    expect(await opened('http://[::ffff:192.168.7.9]')).toHaveLength(1)
    expect(await opened('http://[fd00::5]')).toEqual(['fd00::5'])
    for (const text of [
      'http://192.168.8.1',
      'http://10.0.0.5',
      'http://mixed.example',
      'http://127.0.0.1',
    ]) {
      await expect(opened(text), text).rejects.toThrow(ForbiddenPlaceError)
    }
    expect(() => new OutgoingGuard({ allow: '10.0.0.0/99', allowLoopback: false })).toThrow(ConfigError)
    expect(() => new OutgoingGuard({ allow: 'a b', allowLoopback: false })).toThrow(ConfigError)
  })
})

test('HOOK-17: the name is looked up once a call, and the connection goes to the address that was checked', async () => {
  const hosts: string[] = []
  const server = createServer((incoming, response) => {
    hosts.push(String(incoming.headers.host))
    response.end('ok')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  let asked = 0
  // The second answer would be taken by whoever looks the name up again.
  const resolver = { resolve: async () => (asked++ === 0 ? ['127.0.0.1'] : ['10.255.255.1']) }
  const calls = new OutgoingCalls(new OutgoingGuard({ resolver, allowLoopback: true }), { socketsPerHost: 4 })
  const call = { url: `http://rebinding.example:${port}/x`, headers: {}, body: '{}', maxAnswerBytes: 10 }
  const answer = await calls.post({ ...call, timeoutMs: 5_000 })
  expect([answer.status, answer.body.toString(), asked]).toEqual([200, 'ok', 1])
  expect(hosts).toEqual([`rebinding.example:${port}`])
  await expect(calls.post({ ...call, timeoutMs: 5_000 })).rejects.toThrow(ForbiddenPlaceError)
  calls.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

test('HOOK-8: a look-up that hangs ends with the deadline', async () => {
  const resolver = { resolve: () => new Promise<string[]>(() => undefined) }
  const calls = new OutgoingCalls(new OutgoingGuard({ resolver, allowLoopback: false }), {
    socketsPerHost: 4,
  })
  const call = { url: 'http://slow.example/', headers: {}, body: '{}', maxAnswerBytes: 10, timeoutMs: 60 }
  await expect(calls.post(call)).rejects.toThrow(CallTimeoutError)
  calls.close()
})
