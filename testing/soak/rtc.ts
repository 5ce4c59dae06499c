import { startDevCloud } from '@parley/testing/devcloud'
import { type ChurnTotals, type Holdings, holdings, operations, runChurn } from '@parley/testing/rtc-churn'

/** A day in which something changes ten times a minute. */
const operationsOfADay = 14_400
/** Heaps and pools have found their size by the half of the run: from then on they may tremble, not grow. */
const mostGrowthMb = 64
const settleMs = 8_000

/**
 * `npm run soak -- rtc [--operations 14400] [--seed 1]`: a day's worth of comings and goings in rooms over two media
 * workers, in minutes. Throws at the end when a wrong stream reached somebody, or when something was left behind.
 */
export async function runRtcSoak(options: { seed: number; operations?: number }): Promise<void> {
  const { seed, operations: count = operationsOfADay } = options
  const cloud = await startDevCloud({
    env: {
      PARLEY_MEDIA_ADDRESSES: '127.0.0.1',
      PARLEY_RTC_WORKERS: '2',
      PARLEY_RTC_ROOM_SPREAD: '1',
      PARLEY_RTC_PLACE_KEPT_MS: '1000',
      PARLEY_RTC_CONSENT_MS: '10000',
    },
  })
  const began = Date.now()
  const say = (line: string): void => {
    process.stdout.write(`${line}\n`)
  }
  try {
    const churn = { url: cloud.url, token: (userId: string) => cloud.token(userId) }
    say(
      `${count} operations (${((count / operationsOfADay) * 24).toFixed(1)} h at ten a minute), seed ${seed}`,
    )
    await runChurn({ ...churn, seed: seed + 1, operations: Math.min(2_000, Math.ceil(count / 7)) })
    await new Promise((resolve) => setTimeout(resolve, settleMs))
    const before = await holdings(cloud.url)
    say(describe('begin', 0, before))
    let half = before
    const totals = await runChurn({
      ...{ ...churn, seed, operations: count },
      onProgress: async (done) => {
        if (done <= count / 2) half = await holdings(cloud.url)
        if (done % 1_000 === 0)
          say(describe(`${done}/${count}`, Date.now() - began, await holdings(cloud.url)))
      },
    })
    await new Promise((resolve) => setTimeout(resolve, settleMs))
    const after = await holdings(cloud.url)
    say(describe('end', Date.now() - began, after))
    say(JSON.stringify(totals.done))
    requireSound(totals, { before, half, after })
    say(
      `${totals.streams} looks at streams with ${totals.frames} frames: none was another than was told. Nothing is left behind.`,
    )
  } finally {
    await cloud.close()
  }
}

function requireSound(
  { wrong, problems, done }: ChurnTotals,
  { before, half, after }: Record<'before' | 'half' | 'after', Holdings>,
): void {
  const faults = [...wrong, ...problems]
  for (const name of operations) if (done[name] === 0) faults.push(`no ${name} was tried`)
  for (const name of ['rooms', 'participants', 'tracks', 'streams', 'restarts'] as const) {
    if (after[name] !== 0) faults.push(`${after[name]} ${name}`)
  }
  for (const name of ['transports', 'handles'] as const) {
    if (after[name] > before[name]) faults.push(`${name} grew from ${before[name]} to ${after[name]}`)
  }
  for (const name of ['timers', 'sockets'] as const) {
    if (after[name] > before[name] + 2) faults.push(`${name} grew from ${before[name]} to ${after[name]}`)
  }
  for (const name of ['residentMb', 'heapMb'] as const) {
    if (after[name] > half[name] + mostGrowthMb) {
      faults.push(`${name} grew from ${half[name]} to ${after[name]}`)
    }
  }
  if (faults.length > 0) throw new Error(`the soak found: ${faults.slice(0, 20).join('; ')}`)
}

function describe(when: string, ms: number, held: Holdings): string {
  const { residentMb, heapMb, transports, streams, handles, timers, sockets } = held
  return `${when} (${Math.round(ms / 1000)} s): workers ${residentMb} MB, server heap ${heapMb} MB, ${transports} transports, ${streams} streams, ${handles} handles, ${timers} timers, ${sockets} sockets`
}
