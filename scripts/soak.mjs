// `npm run soak [-- --cycles 1000]`: the long runs that are too slow for `npm test`.
import { join } from 'node:path'
import { buildAll } from './build.mjs'
import { runnable } from './runnable.mjs'
import { root, run } from './setup.mjs'

await buildAll()
const { build } = await import('esbuild')
const outfile = join(root, '.cache', 'soak', 'main.mjs')
await build(runnable(join(root, 'testing/soak/main.ts'), outfile))
process.exit(run(process.execPath, [outfile, ...process.argv.slice(2)]))
