import { ConfigError } from '@parley/core/kernel'
import { EmbeddedPostgresError, StoreError } from '@parley/core/store'
import { type RunningServer, startServer } from './server.ts'

const began = performance.now()

/** One line a step, for whoever watches the start. */
function say(text: string): void {
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  process.stdout.write(`${`${seconds}s`.padStart(7)}  ${text}\n`)
}

function banner({ url, contentUrl, trust, demo, dataDir }: RunningServer): string {
  const lines = [
    '',
    `  Parley is ready    ${url}`,
    ...(demo
      ? [`  Two people chat    ${url}/   (in two windows: ${url}/?user=alice and ${url}/?user=bob)`]
      : []),
    `  API reference      ${url}/docs`,
    `  Content origin     ${contentUrl}`,
    ...(trust === undefined ? [] : [`  Certificate        ${trust}`]),
    `  Data               ${dataDir}`,
    ...(demo ? ['  An API key for development stands in dev.json there; try: npx parley token alice'] : []),
    '',
  ]
  return `${lines.join('\n')}\n`
}

/** Starts, serves until a signal comes, drains. A second signal ends the process at once. */
async function main(): Promise<void> {
  const server = await startServer({ env: process.env, onStep: say })
  process.stdout.write(banner(server))
  let draining = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (draining) process.exit(1)
      draining = true
      say('Draining')
      server.close().then(
        () => process.exit(0),
        () => process.exit(1),
      )
    })
  }
}

/** What the operator can mend is told in a sentence; everything else with where it happened. */
function explain(error: unknown): unknown {
  if (error instanceof ConfigError || error instanceof StoreError || error instanceof EmbeddedPostgresError) {
    return `\n${error.message}\n`
  }
  const { code, port } = error as NodeJS.ErrnoException & { port?: number }
  if (code === 'EADDRINUSE') {
    return `\nPort ${port} is taken. Stop what uses it, or choose another: PARLEY_PORT, PARLEY_CONTENT_PORT, PARLEY_HTTP_PORT.\n`
  }
  if (code === 'EACCES' && port !== undefined && port < 1024) {
    return `\nPort ${port} may not be opened by this user. Allow it (setcap, sysctl net.ipv4.ip_unprivileged_port_start) or forward to another.\n`
  }
  return error
}

main().catch((error: unknown) => {
  console.error(explain(error))
  process.exit(1)
})
