// `npm run dev`: rebuilds on every saved change and restarts the server.
import { spawn } from 'node:child_process'
import { buildAll, esbuildTargets } from './build.mjs'
import { root, step } from './setup.mjs'

await buildAll()
const { context } = await import('esbuild')

let server
let stopping = false

/** Connections are cut at once: a restart should take a blink, and clients come back by themselves. */
const hurry = { PARLEY_GATEWAY_DRAIN_MS: '0', PARLEY_HTTP_DRAIN_MS: '200' }

function start() {
  const env = { ...hurry, ...process.env }
  server = spawn(process.execPath, ['apps/server/dist/main.js'], { cwd: root, stdio: 'inherit', env })
}

async function restart() {
  const old = server
  if (old && old.exitCode === null) {
    const gone = new Promise((resolve) => old.once('exit', resolve))
    old.kill('SIGTERM')
    await gone
  }
  if (!stopping) start()
}

let pending
const restartAfterBuild = {
  name: 'restart-after-build',
  setup(build) {
    build.onEnd(({ errors }) => {
      if (errors.length > 0) return
      clearTimeout(pending)
      pending = setTimeout(() => void restart(), 50)
    })
  },
}

for (const target of esbuildTargets()) {
  const watcher = await context({ ...target, plugins: [...(target.plugins ?? []), restartAfterBuild] })
  await watcher.watch()
}
step('Watching; save a file to restart')

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    stopping = true
    server?.once('exit', () => process.exit(0))
    server?.kill('SIGTERM')
  })
}
