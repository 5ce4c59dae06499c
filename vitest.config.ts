import { readFileSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

const conditions = ['parley-source']

/** SQL migrations are imported as text, by the bundler and by the tests alike. */
const sqlAsText = {
  name: 'sql-as-text',
  load(id: string) {
    if (!id.endsWith('.sql')) return null
    return `export default ${JSON.stringify(readFileSync(id, 'utf8'))}`
  },
}

/** Real calls, whose clock is the machine's: never two files at once, see scripts/test.mjs. */
const calls = [
  'apps/demo/tests/meeting.test.ts',
  'modules/rtc/tests/*.test.ts',
  'native/fastpath/tests/*.test.ts',
  'sdk/client/tests/rtc/*.test.ts',
  'testing/rtc-client/**/*.test.ts',
  'testing/weaknet/*.test.ts',
]
const notOurs = ['**/node_modules/**', '**/dist/**', '**/build/**']

export default defineConfig({
  plugins: [sqlAsText],
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    globalSetup: ['testing/postgres/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: { name: 'others', include: ['**/*.test.ts', '**/*.test.tsx'], exclude: [...notOurs, ...calls] },
      },
      // What other programs do to the machine meanwhile can fail a call. Second tries are named in the last lines.
      { extends: true, test: { name: 'calls', include: calls, exclude: notOurs, retry: 1 } },
    ],
  },
})
