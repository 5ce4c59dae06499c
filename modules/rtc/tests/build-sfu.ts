import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ensureFastpath } from '@parley/fastpath'
import { build } from 'esbuild'

const folder = fileURLToPath(new URL('..', import.meta.url))

export const chromiumPath = process.env.PARLEY_CHROMIUM ?? '/usr/bin/chromium'

/** Builds the media worker program and the packet path from the present sources. Answers why that cannot be, else ''. */
export async function buildSfu(): Promise<string> {
  const built = await ensureFastpath()
  if ('unavailable' in built) return built.unavailable
  const target = `${folder}dist/sfu.js`
  const fresh = `${folder}dist/sfu-${process.pid}.js`
  mkdirSync(`${folder}dist`, { recursive: true })
  await build({
    ...{ entryPoints: [`${folder}src/sfu/main.ts`], outfile: fresh, bundle: true, format: 'esm' },
    ...{ platform: 'node', target: 'node20', conditions: ['parley-source'] },
  })
  // Another test file may be starting it right now.
  renameSync(fresh, target)
  return ''
}

/** Why browser tests cannot run here, else ''. */
export async function missingForBrowser(): Promise<string> {
  return (await buildSfu()) || (existsSync(chromiumPath) ? '' : `no ${chromiumPath}`)
}
