import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { addNewestKey, keepNewestKey } from './key-file.ts'
import { MasterKey } from './master-key.ts'

let dataDir: string
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'parley-key-'))
})
afterEach(() => rmSync(dataDir, { recursive: true }))

test('a sealed value opens after a restart, and only in its context', () => {
  const sealed = MasterKey.load({ dataDir }).seal('open sesame', 'api-key/key_1')
  const again = MasterKey.load({ dataDir })
  expect(again.open(sealed, 'api-key/key_1').toString()).toBe('open sesame')
  expect(() => again.open(sealed, 'api-key/key_2')).toThrow()
  sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1
  expect(() => again.open(sealed, 'api-key/key_1')).toThrow()
})

test('the key file is readable by its owner only', () => {
  MasterKey.load({ dataDir })
  expect(statSync(join(dataDir, 'master.key')).mode & 0o777).toBe(0o600)
})

test('another installation cannot open it', () => {
  const sealed = MasterKey.load({ dataDir }).seal('x', 'c')
  const other = new MasterKey(Buffer.alloc(32, 7))
  expect(() => other.open(sealed, 'c')).toThrow()
})

test('a key put in front is used from the next call on, and both open until the old one is taken out', () => {
  const running = MasterKey.load({ dataDir })
  const before = running.seal('before', 'c')
  addNewestKey(dataDir)
  addNewestKey(dataDir)
  expect(running.count).toBe(2)
  const after = running.seal('after', 'c')
  expect(after.subarray(0, 7)).not.toEqual(before.subarray(0, 7))
  expect(running.open(before, 'c').toString()).toBe('before')
  expect(running.deriveAll('x')).toHaveLength(2)

  const anew = running.rewrap(before)
  expect(running.rewrap(after)).toBeUndefined()
  expect(running.rewrap(Buffer.alloc(100, 2))).toBeUndefined()
  keepNewestKey(dataDir)
  expect(running.count).toBe(1)
  expect(running.open(anew ?? before, 'c').toString()).toBe('before')
  expect(() => running.open(anew ?? before, 'other')).toThrow()
  expect(() => running.open(before, 'c')).toThrow('another master key')
  expect(MasterKey.load({ dataDir }).open(after, 'c').toString()).toBe('after')
})

test('a process that has not looked at the file yet opens what another sealed by the new key', () => {
  const [one, other] = [MasterKey.load({ dataDir }), MasterKey.load({ dataDir })]
  addNewestKey(dataDir)
  expect(one.open(other.seal('x', 'c'), 'c').toString()).toBe('x')
})

test('several keys are told apart by commas, and the fingerprint names the newest', () => {
  const [a, b] = [Buffer.alloc(32, 1).toString('base64'), Buffer.alloc(32, 2).toString('base64')]
  const both = MasterKey.parse(`${a},${b}`)
  expect(both.fingerprint).toBe(MasterKey.parse(a).fingerprint)
  expect(both.knows(MasterKey.parse(b).fingerprint)).toBe(true)
  expect(MasterKey.parse(both.export()).count).toBe(2)
  expect(() => MasterKey.parse(`${a},${b.slice(4)}`)).toThrow('32 bytes')
})
