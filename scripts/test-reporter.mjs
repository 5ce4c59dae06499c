import { writeFileSync } from 'node:fs'

/** Writes what `scripts/test.mjs` tells at the end to the file that PARLEY_TEST_COUNTS names. */
export default class TestCounts {
  onTestRunEnd(modules) {
    const counts = { passed: 0, failed: 0, skipped: 0, secondTries: [] }
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state, errors = [] } = test.result()
        counts[state] += 1
        if (!test.diagnostic()?.flaky) continue
        const [reason = ''] = errors.map(({ message }) => message.split('\n', 1)[0])
        counts.secondTries.push(`${module.relativeModuleId}: ${test.fullName} (${reason})`)
      }
    }
    writeFileSync(process.env.PARLEY_TEST_COUNTS, JSON.stringify(counts))
  }
}
