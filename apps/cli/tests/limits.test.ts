import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { serverSettings } from '@parley/app-server/settings'
import { expect, test } from 'vitest'
import { limitsIntroduction } from '../src/limits-introduction.ts'
import { main } from '../src/main.ts'
import { findRepository } from '../src/repository.ts'
import { settingsPage } from '../src/settings-page.ts'

const root = findRepository() ?? ''
const known = Object.values(serverSettings).flatMap((group) => Object.values(group).map(({ env }) => env))

test('the guide says what the settings say; node scripts/limits.mjs writes it', () => {
  const guide = readFileSync(join(root, 'docs/guides/limits.md'), 'utf8')
  expect(guide).toBe(settingsPage(limitsIntroduction, serverSettings))
  for (const env of known) expect(guide).toContain(`\`${env}\``)
})

test('every setting that the code declares is shown by parley config', async () => {
  let out = ''
  const streams = { stdout: { write: (text: string) => (out += text) }, stderr: { write: () => undefined } }
  await main(['config', '--json'], { ...streams, env: {} })
  const shown = new Set((JSON.parse(out) as { settings: { env: string }[] }).settings.map(({ env }) => env))
  expect([...shown].sort()).toEqual([...known].sort())
  const declared = ['core', 'modules'].flatMap((folder) => sources(join(root, folder))).flatMap(declaredIn)
  expect(declared.length).toBeGreaterThan(50)
  for (const { env, path } of declared) expect(shown, `${env} of ${path}`).toContain(env)
})

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory())
      return ['node_modules', 'dist', 'tests'].includes(entry.name) ? [] : sources(path)
    return entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts') ? [path] : []
  })
}

const declaration =
  /\b(?:integer|flag|choice|string|secret|optionalInteger|optionalString|optionalUrl)\(\s*'(PARLEY_\w+)'/g

function declaredIn(path: string): { env: string; path: string }[] {
  return [...readFileSync(path, 'utf8').matchAll(declaration)].map(([, env = '']) => ({ env, path }))
}
