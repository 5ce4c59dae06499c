// `npm test [-- filter]`: installs what tests need, builds, runs them, and closes with one line of counts.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildAll } from './build.mjs'
import { ensureDependencies, fail, root, run, step } from './setup.mjs'

/** Programs outside npm: what they are for, how one sees that they are there, and Debian's packages. */
const needs = [
  {
    what: 'Chromium (browser tests)',
    present: () => existsSync('/usr/bin/chromium') || process.env.PARLEY_CHROMIUM !== undefined,
    packages: ['chromium'],
    otherwise: 'install Chromium and set PARLEY_CHROMIUM to its path',
  },
  {
    what: 'a C++ compiler, make and Python (the packet path)',
    present: () => ['g++', 'make', 'python3'].every((name) => spawnSync(name, ['--version']).status === 0),
    packages: ['g++', 'make', 'python3'],
    otherwise: 'install g++, make and python3',
  },
  {
    what: 'coturn (TURN tests)',
    present: () => spawnSync('turnserver', ['--version']).error === undefined,
    packages: ['coturn'],
    otherwise: 'install coturn',
    optional: true,
  },
  {
    what: 'ffmpeg (tests of media probing)',
    present: () => spawnSync('ffmpeg', ['-version']).error === undefined,
    packages: ['ffmpeg'],
    otherwise: 'install ffmpeg',
    optional: true,
  },
]

function ensureSystemPackages() {
  const missing = needs.filter((need) => !need.present())
  if (missing.length === 0) return
  const packages = missing.flatMap((need) => need.packages)
  const required = missing.filter((need) => !need.optional)
  const isRoot = process.getuid?.() === 0
  if (!isRoot || spawnSync('apt-get', ['--version']).status !== 0) {
    if (required.length === 0) return warnOfSkipped(missing)
    const lines = missing.map((need) => `  ${need.what}: ${need.otherwise}`)
    fail(`The tests need:\n${lines.join('\n')}\nOn Debian: sudo apt-get install -y ${packages.join(' ')}`)
  }
  step(`Installing ${packages.join(', ')}`)
  const options = {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  }
  run('apt-get', ['update', '-q'], options)
  if (run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], options) !== 0) {
    if (required.length === 0) return warnOfSkipped(missing)
    fail(`apt-get could not install ${packages.join(' ')}; the lines above say why.`)
  }
}

function warnOfSkipped(missing) {
  for (const { what, otherwise } of missing)
    process.stderr.write(`SKIPPED: ${what}; to run them, ${otherwise}\n`)
}

ensureDependencies()
ensureSystemPackages()
await buildAll()

const report = join(root, '.cache', 'test-report.json')
mkdirSync(join(root, '.cache'), { recursive: true })
rmSync(report, { force: true })
step('Running the tests')
const status = run('npx', [
  'vitest',
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
  ...process.argv.slice(2),
])
if (!existsSync(report)) fail('The test run ended without a report.')
const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8'))
const failed = status === 0 ? numFailedTests : Math.max(1, numFailedTests)
const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : ''
process.stdout.write(`${numPassedTests} passed, ${failed} failed${skipped}\n`)
process.exit(status)
