// `npm start`: from whatever is there to a running Parley, in the foreground, in this process.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildAll } from './build.mjs'
import { root } from './setup.mjs'

await buildAll()
await import(pathToFileURL(join(root, 'apps/server/dist/main.js')).href)
