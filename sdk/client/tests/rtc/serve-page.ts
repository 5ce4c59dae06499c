import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

export interface ServedBeside {
  files?: readonly string[]
  /** Scripts of workers, by path from here. */
  workers?: readonly string[]
}

/** A script beside this file as a page loads it, what it imports on demand in chunks, and what is served beside it. */
export async function servePage(
  script: string,
  { files = [], workers = [] }: ServedBeside = {},
): Promise<{ server: Server; url: string }> {
  const { outputFiles } = await build({
    entryPoints: [script, ...workers].map((path) => fileURLToPath(new URL(path, import.meta.url))),
    entryNames: '[name]',
    bundle: true,
    splitting: true,
    write: false,
    outdir: '/bundle',
    format: 'esm',
    target: 'es2022',
    // What the SDK says of its side effects does not hold for pages under test.
    ignoreAnnotations: true,
    conditions: ['parley-source', 'browser'],
  })
  const served = new Map(outputFiles.map(({ path, contents }) => [path.replace('/bundle', ''), contents]))
  for (const file of files) served.set(`/${basename(file)}`, readFileSync(file))
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    const file = served.get(path)
    const type = path.endsWith('.wasm') ? 'application/wasm' : 'text/javascript'
    if (file) response.setHeader('content-type', type).end(file)
    else
      response
        .setHeader('content-type', 'text/html')
        .end(`<!doctype html><script type="module" src="/${script.replace(/ts$/, 'js')}"></script>`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}
