import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runCrashCycles } from '@parley/testing/crash'
import { runRtcSoak } from './rtc.ts'

/**
 * `npm run soak [-- --cycles 1000]`: crash cycles until the count is reached or an invariant breaks.
 * `npm run soak -- rtc [--operations 14400]`: comings and goings in rooms, see `rtc.ts`.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cycles: { type: 'string', default: '1000' },
    operations: { type: 'string' },
    seed: { type: 'string' },
  },
})
const seed = Number(values.seed ?? Date.now() % 1_000_000)
if (positionals[0] === 'rtc') {
  await runRtcSoak({
    seed,
    ...(values.operations !== undefined && { operations: Number(values.operations) }),
  })
} else await crash(Number(values.cycles))
// The server of the test databases runs as long as this process does.
process.exit(0)

async function crash(cycles: number): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-soak-'))
  const began = Date.now()
  process.stdout.write(`${cycles} crash cycles, seed ${seed}\n`)
  try {
    const totals = await runCrashCycles({
      cycles,
      seed,
      dataDir,
      onCycle: (cycle, { acknowledged, resolved }) => {
        if (cycle % 10 !== 0 && cycle !== cycles) return
        const seconds = Math.round((Date.now() - began) / 1000)
        process.stdout.write(
          `${cycle}/${cycles} cycles, ${acknowledged} acknowledged, ${resolved} resolved, ${seconds} s\n`,
        )
      },
    })
    process.stdout.write(
      `No acknowledged message was lost, doubled or out of order: ${JSON.stringify(totals)}\n`,
    )
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}
