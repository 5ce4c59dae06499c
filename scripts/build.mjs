// Bundles what runs: server, CLI and SDKs with esbuild (always, it takes a blink), pages with Vite (by content).
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureDependencies, root, step } from './setup.mjs'

/** Packages of the workspace are bundled in, everything else stays in node_modules. */
const packagesStayOutside = {
  name: 'packages-stay-outside',
  setup(build) {
    build.onResolve({ filter: /^[^./#]/ }, ({ path, kind }) =>
      kind === 'entry-point' || path.startsWith('@parley/') ? undefined : { path, external: true },
    )
  },
}

const shared = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  target: 'node20',
  platform: 'node',
  sourcemap: true,
  conditions: ['parley-source'],
  loader: { '.sql': 'text' },
  logLevel: 'warning',
}

/** Programs and libraries that run on Node. An entry that is not there yet is passed over. */
const nodePrograms = [
  { in: 'apps/server/src/main.ts', out: 'apps/server/dist/main.js' },
  { in: 'apps/cli/src/main.ts', out: 'apps/cli/dist/main.js' },
  { in: 'modules/rtc/src/sfu/main.ts', out: 'modules/rtc/dist/sfu.js' },
  { in: 'sdk/server/src/index.ts', out: 'sdk/server/dist/index.js' },
  { in: 'sdk/client/src/index.ts', out: 'sdk/client/dist/index.node.js' },
]

/** What is imported on demand becomes a chunk of its own, so that pages load it when they use it. */
const browserLibraries = [
  {
    in: 'sdk/client/src/index.ts',
    more: [
      { in: 'sdk/client/src/effects/noise-suppression.ts', out: 'noise-suppression' },
      { in: 'sdk/client/src/effects/virtual-background.ts', out: 'virtual-background' },
    ],
    out: 'sdk/client/dist',
    external: ['@sapphi-red/web-noise-suppressor'],
  },
  // Alone, so that pages serve one file.
  {
    in: 'sdk/client/src/effects/background-worker.ts',
    name: 'virtual-background-worker',
    more: [],
    out: 'sdk/client/dist',
    external: [],
  },
  {
    in: 'sdk/react/src/index.ts',
    more: [
      { in: 'sdk/react/src/ui/index.ts', out: 'ui' },
      { in: 'sdk/react/src/ui/styles/ui.css', out: 'ui' },
    ],
    out: 'sdk/react/dist',
    external: ['react', '@parley/client'],
  },
]

export function esbuildTargets() {
  const present = (target) => existsSync(join(root, target.in))
  return [
    ...nodePrograms.filter(present).map((target) => ({
      ...shared,
      entryPoints: [target.in],
      outfile: target.out,
      plugins: [packagesStayOutside],
    })),
    ...browserLibraries.filter(present).map((target) => ({
      ...shared,
      platform: 'browser',
      target: 'es2022',
      conditions: ['parley-source', 'browser'],
      entryPoints: [{ in: target.in, out: target.name ?? 'index' }, ...target.more],
      outdir: target.out,
      splitting: true,
      chunkNames: 'chunks/[name]-[hash]',
      external: target.external,
    })),
  ]
}

/** Pages, by content: rebuilt when one of the named folders has changed. */
const pages = [
  { name: 'demo', folder: 'apps/demo', sources: ['apps/demo', 'sdk', 'contracts'] },
  { name: 'console', folder: 'apps/console', sources: ['apps/console', 'sdk', 'contracts'] },
]

async function buildPages() {
  for (const page of pages) {
    if (!existsSync(join(root, page.folder, 'vite.config.ts'))) continue
    const mark = join(root, page.folder, 'dist', '.content')
    const content = contentHash(page.sources)
    if (existsSync(mark) && readFileSync(mark, 'utf8') === content) continue
    step(`Building the ${page.name} page`)
    const { build } = await import('vite')
    await build({ root: join(root, page.folder), logLevel: 'warn' })
    writeFileSync(mark, content)
  }
}

function contentHash(folders) {
  const hash = createHash('sha256')
  for (const file of folders.flatMap((folder) => filesBelow(folder)))
    hash.update(file).update(readFileSync(join(root, file)))
  return hash.digest('hex')
}

function filesBelow(folder) {
  const names = readdirSync(join(root, folder), { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )
  return names.flatMap((entry) => {
    if (['node_modules', 'dist', 'build'].includes(entry.name) || entry.name.includes('.test.')) return []
    const path = `${folder}/${entry.name}`
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : []
  })
}

async function buildNative() {
  const script = join(root, 'native/fastpath/build.mjs')
  if (!existsSync(script)) return
  const { ensureFastpath } = await import(pathToFileURL(script).href)
  const outcome = await ensureFastpath({ log: step })
  if (outcome.unavailable) step(`Audio and video are off: ${outcome.unavailable}. ${outcome.mend}`)
}

/** Builds everything that is out of date. */
export async function buildAll() {
  ensureDependencies()
  const { build } = await import('esbuild')
  // Chunks are named by content: those of former builds would pile up.
  for (const { out } of browserLibraries) rmSync(join(root, out, 'chunks'), { recursive: true, force: true })
  await Promise.all(esbuildTargets().map((target) => build(target)))
  await buildNative()
  await buildPages()
}

/** Removes what builds made. */
function clean() {
  for (const target of esbuildTargets())
    rmSync(target.outdir ? join(root, target.outdir) : join(root, target.outfile, '..'), {
      recursive: true,
      force: true,
    })
  for (const page of pages) rmSync(join(root, page.folder, 'dist'), { recursive: true, force: true })
}

if (process.argv[1] === import.meta.filename) {
  if (process.argv.includes('--clean')) clean()
  mkdirSync(join(root, '.cache'), { recursive: true })
  await buildAll()
  if (!process.argv.includes('--quiet')) step('Built')
}
