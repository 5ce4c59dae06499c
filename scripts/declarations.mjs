// Type declarations of the published packages: what stands in `sdk/*/src`, and of the workspace what it names, as
// `.d.ts` below `dist/types`. `--check` lets a project of its own compile against them, as a customer's would.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript'
import { ensureDependencies, root } from './setup.mjs'

/** Published packages; what they import of each other stays an import. */
const published = ['client', 'react', 'server']

/** Packages whose types travel inside; by path, as what is found below node_modules is not emitted. */
const leaves = {
  '@parley/contracts': [join(root, 'contracts/src/index.ts')],
  '@parley/protocols/*': [join(root, 'protocols/*/index.ts')],
}

/** Names of packages and paths of the sources, as the emitted files can be reached from each other. */
function portable(text, file, outcome) {
  const from = dirname(file)
  return text.replace(/(from |import\()(['"])([^'"]+)\2/g, (whole, before, quote, name) => {
    if (name.startsWith('.')) return `${before}${quote}${name.replace(/\.tsx?$/, '.js')}${quote}`
    if (!name.startsWith('@parley/')) return whole
    if (published.some((other) => name === `@parley/${other}`)) return whole
    const target = outcome.resolve(name, file).replace(/\.ts$/, '.js')
    const path = relative(from, target)
    return `${before}${quote}${path.startsWith('.') ? path : `./${path}`}${quote}`
  })
}

function emit(name) {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const { options: base } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root)
  const options = {
    ...base,
    paths: leaves,
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: root,
  }
  const folder = join(root, 'sdk', name)
  const types = join(folder, 'dist/types')
  const entries = [
    'src/index.ts',
    'src/ui/index.ts',
    'src/effects/noise-suppression.ts',
    'src/effects/virtual-background.ts',
  ]
    .map((entry) => join(folder, entry))
    .filter((entry) => existsSync(entry))
  const program = ts.createProgram(entries, { ...options, outDir: types })
  const outcome = {
    resolve: (module, file) => {
      const found = ts.resolveModuleName(module, file, options, ts.sys).resolvedModule
      if (found === undefined) throw new Error(`${file} imports ${module}, which cannot be found`)
      return ts.sys.realpath?.(found.resolvedFileName) ?? found.resolvedFileName
    },
  }
  rmSync(types, { recursive: true, force: true })
  const { emitSkipped } = program.emit(
    undefined,
    (path, text, _mark, _onError, sources) => {
      const source = sources?.[0]?.fileName
      if (source === undefined) return
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, portable(text, source, outcome))
    },
    undefined,
    true,
  )
  if (emitSkipped) throw new Error(`The declarations of sdk/${name} could not be written`)
}

/** A project outside the repository that has only the packages as they would be installed. */
function check() {
  const project = mkdtempSync(join(tmpdir(), 'parley-types-'))
  try {
    for (const name of published) {
      const target = join(project, 'node_modules/@parley', name)
      mkdirSync(target, { recursive: true })
      const folder = join(root, 'sdk', name)
      cpSync(join(folder, 'dist'), join(target, 'dist'), { recursive: true })
      cpSync(join(folder, 'package.json'), join(target, 'package.json'))
    }
    for (const name of ['zod', 'react', '@types/react', '@types/node', 'undici-types', 'csstype']) {
      if (!existsSync(join(root, 'node_modules', name))) continue
      mkdirSync(dirname(join(project, 'node_modules', name)), { recursive: true })
      symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name))
    }
    cpSync(join(root, 'scripts/customer.tsx'), join(project, 'customer.tsx'))
    writeFileSync(join(project, 'package.json'), '{"type": "module"}')
    const compile = join(root, 'node_modules/typescript/bin/tsc')
    for (const module of [
      ['esnext', 'bundler'],
      ['nodenext', 'nodenext'],
    ]) {
      const resolution = ['--module', module[0], '--moduleResolution', module[1]]
      const rules = [
        '--strict',
        '--noEmit',
        '--target',
        'es2023',
        '--lib',
        'es2023,dom,dom.iterable',
        '--jsx',
        'react-jsx',
      ]
      execFileSync(process.execPath, [compile, ...resolution, ...rules, 'customer.tsx'], {
        cwd: project,
        stdio: 'inherit',
      })
    }
  } finally {
    rmSync(project, { recursive: true, force: true })
  }
}

if (resolve(process.argv[1] ?? '') === import.meta.filename) {
  ensureDependencies()
  for (const name of published) emit(name)
  if (process.argv.includes('--check')) check()
}
