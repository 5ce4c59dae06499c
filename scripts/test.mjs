// `npm test [-- filter]`: installs what tests need, builds, runs them, and closes with one line of counts.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
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

/**
 * Runs the tests of a project of vitest.config.ts, one file after the other, and passes its output on by whole lines.
 * The counts are undefined when the run ended without any.
 */
async function runProject(project) {
  const report = join(root, '.cache', `test-counts-${project}.json`)
  rmSync(report, { force: true })
  const options = ['--project', project, '--maxWorkers=1', '--passWithNoTests']
  const reporters = ['--reporter=default', '--reporter=./scripts/test-reporter.mjs']
  const env = { ...process.env, PARLEY_TEST_COUNTS: report }
  if (process.stdout.isTTY) env.FORCE_COLOR ??= '1'
  const tests = spawn('npx', ['vitest', 'run', ...options, ...reporters, ...process.argv.slice(2)], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // What it starts has the same: calls feel a busy machine, the rest only takes longer.
  if (project !== 'calls' && tests.pid !== undefined) setPriority(tests.pid, 5)
  for (const [from, to] of [
    [tests.stdout, process.stdout],
    [tests.stderr, process.stderr],
  ]) {
    createInterface(from).on('line', (line) => to.write(`${line}\n`))
  }
  const [status] = await once(tests, 'close')
  return { status, counts: existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : undefined }
}

mkdirSync(join(root, '.cache'), { recursive: true })
step('Running the tests')
// Side by side: calls are sensitive to each other, not to the rest.
const runs = await Promise.all(['calls', 'others'].map(runProject))
if (runs.some(({ counts }) => counts === undefined)) fail('The test run ended without a report.')
const isGreen = runs.every(({ status }) => status === 0)
const sum = (state) => runs.reduce((total, { counts }) => total + counts[state], 0)
const secondTries = runs.flatMap(({ counts }) => counts.secondTries)
for (const name of secondTries) process.stdout.write(`passed at the second try: ${name}\n`)
if (isGreen && sum('passed') + sum('skipped') === 0) fail('No test fits.')
const failed = isGreen ? 0 : Math.max(1, sum('failed'))
const skipped = sum('skipped') > 0 ? `, ${sum('skipped')} skipped` : ''
process.stdout.write(`${sum('passed')} passed, ${failed} failed${skipped}\n`)
process.exit(isGreen ? 0 : 1)
