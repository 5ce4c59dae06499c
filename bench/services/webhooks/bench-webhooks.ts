import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { defaultLayout, pin } from '../../chat/machine/cores.ts'
import { sendNaively } from './naive.ts'
import { ParleySender } from './parley.ts'
import { BenchReceiver } from './receiver.ts'

const outDir = join(process.cwd(), '.cache', 'bench')
const resources = 500
const text = 'x'.repeat(780)

interface Load {
  name: string
  endpoints: number
  events: number
  /** What Parley has under way as it is shipped. */
  atOnce: number
}

interface Row {
  load: string
  parley: number
  fetch: number
  http: number
  busy: number
  cpuMicroseconds: number
  receiverCpuMicroseconds: number
}

/**
 * Webhook deliveries a second: from events in the outbox to answers that are stored, beside loops that send the same
 * bodies to the same receiver and remember nothing. In turns, in one run; the best of each counts.
 */
export async function benchWebhooks(args: readonly string[]): Promise<void> {
  const quick = args.includes('--quick')
  const rounds = quick ? 1 : 2
  const deliveries = quick ? 10_000 : 20_000
  const layout = defaultLayout()
  pin(process.pid, layout.server)
  console.log(
    `${availableParallelism()} cores of ${cpus()[0]?.model}, Node ${process.version}, load average ` +
      `${loadavg()[0]?.toFixed(1)}; sender and database on cores ${layout.server}, receiver on ${layout.generator}`,
  )
  const loads: Load[] = [
    { name: 'one endpoint', endpoints: 1, events: deliveries, atOnce: 32 },
    { name: '50 endpoints', endpoints: 50, events: deliveries / 50, atOnce: 128 },
  ]
  const parley = await ParleySender.start()
  const receiver = await BenchReceiver.start(layout.generator)
  const rows: Row[] = []
  try {
    for (const load of loads) rows.push(await measure(load, rounds, parley, receiver))
  } finally {
    await receiver.close()
    await parley.close()
  }
  mkdirSync(outDir, { recursive: true })
  writeFileSync(join(outDir, 'services-webhooks.json'), `${JSON.stringify({ quick, rows }, null, 2)}\n`)
  console.log('\ndeliveries a second, bodies of 1 KB')
  console.table(
    Object.fromEntries(
      rows.map((row) => [
        row.load,
        {
          Parley: Math.round(row.parley),
          'fetch loop': Math.round(row.fetch),
          'node:http loop': Math.round(row.http),
          'ratio to fetch': (row.parley / row.fetch).toFixed(2),
          'ratio to node:http': (row.parley / row.http).toFixed(2),
          'event loop busy': `${Math.round(row.busy * 100)} %`,
          'CPU µs each': Math.round(row.cpuMicroseconds),
        },
      ]),
    ),
  )
}

async function measure(
  load: Load,
  rounds: number,
  parley: ParleySender,
  receiver: BenchReceiver,
): Promise<Row> {
  const { name, endpoints, events, atOnce } = load
  const count = endpoints * events
  const urls = Array.from({ length: endpoints }, (_, index) => `${receiver.url}/hook/${index}`)
  const body = JSON.stringify({ text, padding: 'y'.repeat(200) })
  const row: Row = {
    ...{ load: name, parley: 0, fetch: 0, http: 0, busy: 0, cpuMicroseconds: 0, receiverCpuMicroseconds: 0 },
  }
  for (let round = 0; round < rounds; round++) {
    row.fetch = Math.max(row.fetch, count / (await sendNaively({ urls, count, atOnce, body, by: 'fetch' })))
    row.http = Math.max(row.http, count / (await sendNaively({ urls, count, atOnce, body, by: 'node:http' })))
    const before = await receiver.state()
    const arrived = async (): Promise<boolean> => (await receiver.state()).count >= before.count + count
    const run = await parley.run({ urls, events, resources, text, arrived })
    const after = await receiver.state()
    if (after.count !== before.count + count)
      throw new Error(`${after.count - before.count} came, not ${count}`)
    if (count / run.seconds <= row.parley) continue
    row.parley = count / run.seconds
    row.busy = run.busy
    row.cpuMicroseconds = (run.cpuSeconds / count) * 1e6
    row.receiverCpuMicroseconds = ((after.cpuSeconds - before.cpuSeconds) / count) * 1e6
  }
  return row
}
