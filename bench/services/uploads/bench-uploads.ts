import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultLayout, pin, startedOn } from '../../chat/machine/cores.ts'
import { type Nginx, nginxInstalled, startNginx } from './nginx.ts'
import { type Parley, startParley } from './parley.ts'
import { agent, send } from './send.ts'

const mebibyte = 1_048_576
const outDir = join(process.cwd(), '.cache', 'bench')

interface Load {
  name: string
  unit: 'MB/s' | 'files/s'
  sizeBytes: number
  files: number
  atOnce: number
}

interface Row {
  load: string
  unit: string
  parley: number
  tus: number | undefined
  nginx: number | undefined
  disk: number
}

/**
 * Uploads to Parley (by one PUT, and by tus in pieces of 16 MiB) beside nginx with PUT and beside the bare disk, in the
 * same run, in turns. Parley hashes what comes, synchronises it and commits before it answers; nginx does neither.
 */
export async function benchUploads(args: readonly string[]): Promise<void> {
  const quick = args.includes('--quick')
  const rounds = quick ? 1 : 3
  const cores = availableParallelism()
  const loads: Load[] = [
    { name: 'one file', unit: 'MB/s', sizeBytes: (quick ? 64 : 512) * mebibyte, files: 1, atOnce: 1 },
    {
      name: 'four files at once',
      unit: 'MB/s',
      sizeBytes: (quick ? 32 : 128) * mebibyte,
      files: 4,
      atOnce: 4,
    },
    {
      name: 'files of 64 KiB, 16 at once',
      unit: 'files/s',
      sizeBytes: 65_536,
      files: quick ? 200 : 1_000,
      atOnce: 16,
    },
  ]
  const layout = defaultLayout()
  const workers = layout.server.split(',').length
  pin(process.pid, layout.generator)
  console.log(
    `${cores} cores of ${cpus()[0]?.model}, Node ${process.version}, load average ` +
      `${loadavg()[0]?.toFixed(1)}; servers on cores ${layout.server}, generator on ${layout.generator}`,
  )
  const parley = await startedOn(layout, startParley)
  let nginx: Nginx | undefined
  try {
    if (nginxInstalled()) nginx = await startedOn(layout, () => startNginx(workers))
    else console.log('no peer: apt-get install nginx')
    const rows: Row[] = []
    for (const load of loads) rows.push(await measure(load, rounds, parley, nginx))
    mkdirSync(outDir, { recursive: true })
    writeFileSync(join(outDir, 'uploads.json'), `${JSON.stringify({ quick, rounds, rows }, null, 2)}\n`)
    console.log(`\n${tableOf(rows)}`)
  } finally {
    agent.destroy()
    await nginx?.close()
    await parley.close()
  }
}

/** The median of the rounds, in which all take their turns. */
async function measure(load: Load, rounds: number, parley: Parley, nginx: Nginx | undefined): Promise<Row> {
  const rates = { parley: [] as number[], tus: [] as number[], nginx: [] as number[], disk: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    rates.disk.push(await disk(load))
    if (nginx !== undefined) rates.nginx.push(await toNginx(load, nginx))
    rates.parley.push(await toParley(load, parley, ({ uploadUrl }) => put(uploadUrl, load.sizeBytes)))
    if (load.unit === 'MB/s') {
      rates.tus.push(await toParley(load, parley, ({ uploadUrl }) => inPieces(uploadUrl, load.sizeBytes)))
    }
  }
  const row = {
    load: load.name,
    unit: load.unit,
    parley: median(rates.parley) ?? 0,
    tus: median(rates.tus),
    nginx: median(rates.nginx),
    disk: median(rates.disk) ?? 0,
  }
  console.log(JSON.stringify(row))
  return row
}

async function toParley(
  load: Load,
  parley: Parley,
  upload: (offer: { uploadUrl: string }) => Promise<void>,
): Promise<number> {
  const offers: Awaited<ReturnType<Parley['announce']>>[] = []
  for (let count = 0; count < load.files; count++) offers.push(await parley.announce(load.sizeBytes))
  const rate = await timed(load, offers, upload)
  for (const { id } of offers) await parley.remove(id)
  return rate
}

async function toNginx(load: Load, { url }: Nginx): Promise<number> {
  const urls = Array.from({ length: load.files }, (_, index) => `${url}/file-${index}`)
  const rate = await timed(load, urls, (file) => put(file, load.sizeBytes))
  for (const file of urls) await fetch(file, { method: 'DELETE' })
  return rate
}

/** The same bytes written to files of the same disk, each synchronised once. */
async function disk(load: Load): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-disk-'))
  const bytes = Buffer.alloc(Math.min(load.sizeBytes, mebibyte), 7)
  try {
    const names = Array.from({ length: load.files }, (_, index) => join(folder, String(index)))
    return await timed(load, names, async (name) => {
      const file = await open(name, 'w')
      for (let written = 0; written < load.sizeBytes; written += bytes.length) await file.write(bytes)
      await file.sync()
      await file.close()
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const put = (url: string, sizeBytes: number) => send({ url, method: 'PUT', sizeBytes })

async function inPieces(url: string, sizeBytes: number): Promise<void> {
  const piece = 16 * mebibyte
  for (let offset = 0; offset < sizeBytes; offset += piece) {
    const headers = {
      'tus-resumable': '1.0.0',
      'upload-offset': String(offset),
      'content-type': 'application/offset+octet-stream',
    }
    await send({ url, method: 'PATCH', sizeBytes: Math.min(piece, sizeBytes - offset), headers })
  }
}

/** Works off the items, so many at once. Answers MB or files a second. */
async function timed<Item>(
  load: Load,
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<number> {
  const queue = [...items]
  const startedAt = performance.now()
  await Promise.all(
    Array.from({ length: load.atOnce }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item)
    }),
  )
  const seconds = (performance.now() - startedAt) / 1000
  return load.unit === 'MB/s' ? (load.files * load.sizeBytes) / 1e6 / seconds : load.files / seconds
}

function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
}

function tableOf(rows: readonly Row[]): string {
  const number = (value: number | undefined) => (value === undefined ? '-' : value.toFixed(0))
  const ratio = (row: Row) => (row.nginx === undefined ? '-' : (row.parley / row.nginx).toFixed(2))
  return [
    '| Load | Parley PUT | Parley tus | nginx PUT | Disk with fsync | Parley PUT / nginx |',
    '|---|---|---|---|---|---|',
    ...rows.map(
      (row) =>
        `| ${row.load} (${row.unit}) | ${number(row.parley)} | ${number(row.tus)} | ${number(row.nginx)} | ` +
        `${number(row.disk)} | ${ratio(row)} |`,
    ),
  ].join('\n')
}
