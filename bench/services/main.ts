// `npm run bench -- services [part...]`: what the services around chat and rooms can do, each beside a peer. See README.md.
import { spawnSync } from 'node:child_process'
import { benchUploads } from './uploads/bench-uploads.ts'
import { benchWebhooks } from './webhooks/bench-webhooks.ts'
import { benchWordFilter } from './word-filter/bench-word-filter.ts'

const parts: Record<string, (args: readonly string[]) => Promise<void>> = {
  uploads: benchUploads,
  webhooks: benchWebhooks,
  'word-filter': benchWordFilter,
}

const args = process.argv.slice(2)
const flags = args.filter((arg) => arg.startsWith('--'))
const named = args.filter((arg) => !arg.startsWith('--'))
const unknown = named.find((name) => parts[name] === undefined)
if (args.includes('--help') || unknown !== undefined) {
  console.log(`npm run bench -- services [${Object.keys(parts).join(' | ')}] [--quick]`)
  process.exit(unknown === undefined ? 0 : 2)
}
const chosen = Object.entries(parts).filter(([name]) => named.length === 0 || named.includes(name))
for (const [name, run] of chosen) {
  if (chosen.length === 1) {
    console.log(`\n${name}`)
    await run(flags)
  }
  // Each part binds itself to cores of its own choice, which holds for its process.
  else
    spawnSync(process.execPath, [...process.execArgv, process.argv[1] ?? '', name, ...flags], {
      stdio: 'inherit',
    })
}
process.exit(0)
