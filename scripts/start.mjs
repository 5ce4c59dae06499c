// `npm start`: from whatever is there to a running Parley, in the foreground, in this process. What builds need
// (bundlers, their memory) ends with a process of its own.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fail, root, run } from './setup.mjs'

const built = run(process.execPath, [join(root, 'scripts/build.mjs'), '--quiet'])
if (built !== 0) fail('The build failed; the lines above say why.')
await import(pathToFileURL(join(root, 'apps/server/dist/main.js')).href)
