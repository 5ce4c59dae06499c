import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
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
