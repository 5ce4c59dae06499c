import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCrashCycles } from '@parley/testing/crash'
import { expect, test } from 'vitest'

test('CHAT-1: ten times kill -9 under load lose, double or reorder no acknowledged message', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-crash-'))
  try {
    const totals = await runCrashCycles({ cycles: 10, dataDir })
    expect(totals.acknowledged).toBeGreaterThan(100)
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}, 300_000)
