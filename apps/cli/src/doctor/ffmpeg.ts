import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CliError } from '../cli-error.ts'

const packageRange = 'node-av@^6.1.1'

/** `$dataDir/ffmpeg`: a folder of npm's own, so that a GPL program never becomes a dependency of Parley. */
function folderOf(dataDir: string): string {
  return join(dataDir, 'ffmpeg')
}

/** The ffmpeg program that `installFfmpeg` brought, if any. */
export function installedFfmpeg(dataDir: string): string | undefined {
  const modules = join(folderOf(dataDir), 'node_modules')
  const scoped = join(modules, '@seydx')
  const candidates = [
    join(modules, 'node-av', 'binary'),
    ...(existsSync(scoped) ? readdirSync(scoped).map((name) => join(scoped, name)) : []),
  ]
  return candidates
    .flatMap((folder) => [join(folder, 'ffmpeg'), join(folder, 'bin', 'ffmpeg'), join(folder, 'ffmpeg.exe')])
    .find((path) => existsSync(path))
}

/** Installs the npm package that carries FFmpeg into the data folder. Throws a CliError that says what npm said. */
export function installFfmpeg(dataDir: string, note: (text: string) => void): string {
  const folder = folderOf(dataDir)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const manifest = join(folder, 'package.json')
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true }\n')
  note(
    `Installing ${packageRange} into ${folder} (209 MB; FFmpeg is under the GPL; its program comes from the package's GitHub releases)`,
  )
  npm(folder, ['install', '--ignore-scripts', '--no-audit', '--no-fund', packageRange])
  // npm 11 holds install scripts back, npm 10 runs them: the one that is needed is run here.
  const script = join(folder, 'node_modules/node-av/dist/ffmpeg/install.js')
  if (installedFfmpeg(dataDir) === undefined && existsSync(script)) {
    spawnSync(process.execPath, [script], {
      cwd: join(folder, 'node_modules/node-av'),
      stdio: ['ignore', 2, 2],
    })
  }
  const installed = installedFfmpeg(dataDir)
  if (installed !== undefined) return installed
  throw new CliError(`${packageRange} is installed, but brought no ffmpeg program for this machine`, {
    hint: 'Install ffmpeg with the package manager of the system',
  })
}

function npm(folder: string, args: readonly string[]): void {
  const { status, error } = spawnSync('npm', args, { cwd: folder, stdio: ['ignore', 2, 2] })
  if (status === 0) return
  throw new CliError('npm could not install it; the lines above say why', { cause: error })
}
