import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * Brings the served page up to date without a moment in which it is not whole: test files run side by side and
 * share it. Assets bear their hash, so new ones go beside the old; the page that names them is swapped last.
 */
export async function buildPage(): Promise<void> {
  mkdirSync(join(root, 'dist/assets'), { recursive: true })
  const fresh = mkdtempSync(join(root, 'dist/.fresh-'))
  try {
    await build({ root, logLevel: 'silent', build: { outDir: fresh, emptyOutDir: true } })
    cpSync(join(fresh, 'assets'), join(root, 'dist/assets'), { recursive: true, force: false })
    renameSync(join(fresh, 'favicon.svg'), join(root, 'dist/favicon.svg'))
    renameSync(join(fresh, 'index.html'), join(root, 'dist/index.html'))
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}
