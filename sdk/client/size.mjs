import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const limitBytes = 25 * 1024
const root = dirname(fileURLToPath(import.meta.url))

const { outputFiles, metafile } = await build({
  stdin: {
    contents: `import { Parley } from './src/index.ts'\nglobalThis.connect = Parley.connect`,
    resolveDir: root,
  },
  absWorkingDir: root,
  bundle: true,
  splitting: true,
  metafile: true,
  minify: true,
  write: false,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  conditions: ['parley-source'],
  legalComments: 'none',
  outdir: join(root, 'size'),
})

/** What a page loads that only chats: the entry and what it imports at once; the rest comes when it is used. */
const chunks = Object.entries(metafile.outputs)
const atOnce = new Set(chunks.filter(([, { entryPoint }]) => entryPoint === '<stdin>').map(([path]) => path))
for (const path of atOnce) {
  const imports = metafile.outputs[path].imports.filter(({ kind }) => kind === 'import-statement')
  for (const each of imports) atOnce.add(each.path)
}
let bytes = 0
let later = 0
for (const [path] of chunks) {
  const file = outputFiles.find((output) => output.path === join(root, path))
  const size = gzipSync(file.contents, { level: 9 }).length
  if (atOnce.has(path)) bytes += size
  else later += size
}
process.stdout.write(
  `@parley/client: ${bytes} bytes gzip, limit ${limitBytes}; loaded by rooms: ${later} bytes more\n`,
)
if (bytes > limitBytes) {
  console.error('The chat core is larger than its limit.')
  process.exitCode = 1
}
