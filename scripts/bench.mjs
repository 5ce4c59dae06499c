// `npm run bench -- <name> [options]`: runs bench/<name>; without a name it lists them.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { buildAll } from './build.mjs'
import { runnable } from './runnable.mjs'
import { fail, root, run } from './setup.mjs'

const entryOf = (name) => join(root, 'bench', name, 'main.ts')
const names = readdirSync(join(root, 'bench')).filter((name) => existsSync(entryOf(name)))
const [name, ...options] = process.argv.slice(2)
if (name === undefined || !names.includes(name)) fail(`Which bench? npm run bench -- <${names.join(' | ')}>`)
await buildAll()
const { build } = await import('esbuild')
const outfile = join(root, '.cache', 'bench', `${name}.mjs`)
await build(runnable(entryOf(name), outfile))
process.exit(run(process.execPath, [outfile, ...options]))
