// `npm run check`: types, style, layers, dead code, contracts and words, side by side.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ensureDependencies, root } from './setup.mjs'

ensureDependencies()

const checks = [
  { name: 'types', command: ['npx', 'tsc', '-p', '.'] },
  { name: 'style', command: ['npx', 'biome', 'ci', '--error-on-warnings', '--colors=off', '.'] },
  {
    name: 'layers',
    command: ['npx', 'depcruise', '--config', '.dependency-cruiser.cjs', '--output-type', 'err', '.'],
  },
  { name: 'dead code', command: ['npx', 'knip', '--no-progress'] },
  { name: 'openapi', command: ['node', 'scripts/openapi.mjs', '--check'] },
  { name: 'SDK types', command: ['node', 'scripts/declarations.mjs', '--check'] },
  { name: 'words', command: ['node', 'scripts/words.mjs'] },
  { name: 'SDK size', command: ['node', 'sdk/client/size.mjs'], needs: 'sdk/client/size.mjs' },
].filter(({ needs }) => needs === undefined || existsSync(join(root, needs)))

function perform({ name, command: [program, ...args] }) {
  const began = Date.now()
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    const output = []
    child.stdout.on('data', (chunk) => output.push(chunk))
    child.stderr.on('data', (chunk) => output.push(chunk))
    child.on('close', (code) => {
      const seconds = ((Date.now() - began) / 1000).toFixed(1)
      process.stdout.write(`${code === 0 ? 'ok  ' : 'FAIL'}  ${name.padEnd(10)} ${seconds}s\n`)
      resolve({ name, ok: code === 0, text: Buffer.concat(output).toString() })
    })
  })
}

const outcomes = await Promise.all(checks.map(perform))
for (const { name, text } of outcomes.filter(({ ok }) => !ok)) process.stdout.write(`\n--- ${name}\n${text}`)
process.exit(outcomes.every(({ ok }) => ok) ? 0 : 1)
