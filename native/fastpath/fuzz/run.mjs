// Builds the fuzz targets with sanitizers and runs each: node native/fastpath/fuzz/run.mjs [seconds] [target ...]
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))
const root = path.dirname(here)
const output = path.join(root, 'build/fuzz')
const seconds = Number(process.argv[2] ?? 30)
const chosen = process.argv.slice(3)
const clang = process.env.CLANGXX ?? 'clang++'

const headers = path.resolve(process.execPath, '../../include/node')
const openssl = existsSync(path.join(headers, 'openssl')) ? [`-I${headers}`] : []
const core = readdirSync(path.join(root, 'src/core'))
  .filter((name) => name.endsWith('.cc'))
  .map((name) => path.join(root, 'src/core', name))
mkdirSync(output, { recursive: true })

function run(command, args) {
  const done = spawnSync(command, args, { stdio: 'inherit' })
  if (done.error) throw done.error
  return done.status === 0
}

let failed = false
for (const target of ['stun', 'payload', 'wire', 'media', 'churn']) {
  if (chosen.length && !chosen.includes(target)) continue
  const binary = path.join(output, target)
  const kind = target === 'churn' ? 'address,undefined' : 'fuzzer,address,undefined'
  const built = run(clang, [
    '-std=c++17',
    '-O1',
    '-g',
    '-fno-rtti',
    '-fno-exceptions',
    '-fno-omit-frame-pointer',
    '-Wno-deprecated-declarations',
    `-fsanitize=${kind}`,
    '-fno-sanitize-recover=undefined',
    ...openssl,
    `-I${path.join(root, 'src')}`,
    `-I${here}`,
    path.join(here, `${target}.cc`),
    ...core,
    '-lssl',
    '-lcrypto',
    '-o',
    binary,
  ])
  if (!built) {
    console.error(`${target}: does not build (clang with its sanitizer runtime and libssl-dev are needed)`)
    failed = true
    continue
  }
  const corpus = path.join(output, `corpus-${target}`)
  mkdirSync(corpus, { recursive: true })
  const args =
    target === 'churn'
      ? []
      : [
          `-max_total_time=${seconds}`,
          '-max_len=4096',
          '-print_final_stats=1',
          '-verbosity=0',
          `-artifact_prefix=${output}/`,
          corpus,
        ]
  const passed = run(binary, args)
  console.log(`${target}: ${passed ? 'passed' : 'FAILED'}`)
  failed ||= !passed
}
process.exitCode = failed ? 1 : 0
