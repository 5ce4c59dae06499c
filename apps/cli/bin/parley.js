#!/usr/bin/env node
// Plain JavaScript, so that it runs in a fresh clone: what is missing is built first, told on standard error.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const program = new URL('../dist/main.js', import.meta.url)
if (!existsSync(program)) {
  const script = fileURLToPath(new URL('../../../scripts/build.mjs', import.meta.url))
  const { status } = spawnSync(process.execPath, [script], { stdio: ['ignore', 2, 2] })
  if (status !== 0 || !existsSync(program)) {
    process.stderr.write('parley could not be built; the lines above say why.\n')
    process.exit(1)
  }
}
const { main } = await import(program.href)
process.exitCode = await main(process.argv.slice(2), process)
