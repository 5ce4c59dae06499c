// Words that have no place in the repository: registry hosts, paths of one machine, marks of unfinished work.
import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './setup.mjs'

const banned = [
  { pattern: /"resolved":\s*"https?:/, why: 'a registry host in a lock file' },
  { pattern: /\bregistry\.(?:npmjs|yarnpkg)\.\w+/, why: 'a registry host' },
  { pattern: /\/(?:root|home\/\w+)\/[\w.]/, why: 'a path of one machine' },
  { pattern: /\b(?:TODO|FIXME|XXX)\b/, why: 'unfinished work belongs into an issue' },
]
const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
const findings = []
for (const file of files.split('\n').filter((name) => name !== '' && name !== 'scripts/words.mjs')) {
  const path = join(root, file)
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat?.isFile() || stat.size > 2_000_000) continue
  const text = readFileSync(path, 'utf8')
  if (text.includes('\u0000')) continue
  for (const { pattern, why } of banned)
    if (pattern.test(text)) findings.push(`${file}: ${why} (${pattern.exec(text)?.[0]})`)
}
process.stdout.write(findings.map((finding) => `${finding}\n`).join(''))
process.exit(findings.length === 0 ? 0 : 1)
