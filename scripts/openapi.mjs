// Writes contracts/openapi.json from the endpoint tables; with --check it only compares.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { runnable } from './runnable.mjs'
import { ensureDependencies, fail, root } from './setup.mjs'

ensureDependencies()
const { build } = await import('esbuild')

const program = `
  import * as contracts from '@parley/contracts'
  import { buildOpenApi } from '@parley/core/http'
  import { version } from './apps/server/src/version.ts'
  const tables = Object.entries(contracts).filter(([name]) => name.endsWith('Endpoints'))
  export const document = buildOpenApi(tables.flatMap(([, table]) => Object.values(table)), { version })
`
const outfile = join(root, '.cache', 'openapi', 'document.mjs')
mkdirSync(join(root, '.cache', 'openapi'), { recursive: true })
const { entryPoints: _, ...options } = runnable('', outfile)
await build({ ...options, stdin: { contents: program, resolveDir: root, loader: 'ts' } })
const { document } = await import(pathToFileURL(outfile).href)
const text = `${JSON.stringify(document, null, 2)}\n`

const path = join(root, 'contracts', 'openapi.json')
if (!process.argv.includes('--check')) writeFileSync(path, text)
else if (!existsSync(path) || readFileSync(path, 'utf8') !== text) {
  fail('contracts/openapi.json is not what the endpoint tables say: run node scripts/openapi.mjs')
}
