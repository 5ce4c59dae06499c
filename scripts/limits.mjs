// Writes docs/guides/limits.md from the settings of the server.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { runnable } from './runnable.mjs'
import { ensureDependencies, root } from './setup.mjs'

ensureDependencies()
const { build } = await import('esbuild')

const program = `
  import { serverSettings } from '@parley/app-server/settings'
  import { limitsIntroduction } from './apps/cli/src/limits-introduction.ts'
  import { settingsPage } from './apps/cli/src/settings-page.ts'
  export const page = settingsPage(limitsIntroduction, serverSettings)
`
const outfile = join(root, '.cache', 'limits', 'page.mjs')
mkdirSync(join(root, '.cache', 'limits'), { recursive: true })
const { entryPoints: _, ...options } = runnable('', outfile)
await build({ ...options, stdin: { contents: program, resolveDir: root, loader: 'ts' }, outfile })
const { page } = await import(pathToFileURL(outfile).href)
writeFileSync(join(root, 'docs', 'guides', 'limits.md'), page)
