import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runCrashCycles } from '@parley/testing/crash'

/** `npm run soak [-- --cycles 1000]`: crash cycles until the count is reached or an invariant breaks. */
const { values } = parseArgs({
  options: { cycles: { type: 'string', default: '1000' }, seed: { type: 'string' } },
})
const cycles = Number(values.cycles)
const seed = Number(values.seed ?? Date.now() % 1_000_000)
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
