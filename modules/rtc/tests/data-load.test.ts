import { readdirSync, readFileSync } from 'node:fs'
import { startDevCloud } from '@parley/testing/devcloud'
import { describe, expect, test, vi } from 'vitest'
import { buildSfu } from './build-sfu.ts'
import { DataMember } from './data-member.ts'

const wanted = process.env.PARLEY_TABLES === '1'
const missing = wanted ? await buildSfu() : 'PARLEY_TABLES=1 prints it'
const receiverCount = 20
const seconds = 5

/** CPU of the media worker that this process started, in milliseconds. */
function workerCpuMs(): number {
  for (const name of readdirSync('/proc')) {
    try {
      if (!/^\d+$/.test(name) || !readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('sfu')) continue
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
      if (Number(fields[1]) === process.pid) return (Number(fields[11]) + Number(fields[12])) * 10
    } catch {
      // It has ended meanwhile.
    }
  }
  return 0
}

describe.skipIf(missing !== '')(`what data costs${missing && ` (skipped: ${missing})`}`, () => {
  test('RTC-92: messages delivered and CPU of the worker', async () => {
    const cloud = await startDevCloud({
      env: {
        PARLEY_MEDIA_ADDRESSES: '127.0.0.1',
        ...{ PARLEY_RTC_WORKERS: '1', PARLEY_RTC_DATA_MESSAGES_PER_SECOND: '10000' },
        ...{
          PARLEY_RTC_DATA_BYTES_PER_SECOND: '100000000',
          PARLEY_RTC_DATA_DELIVERIES_PER_SECOND: '1000000',
        },
      },
    })
    const join = async (userId: string) =>
      DataMember.join({ url: cloud.url, roomId: 'load', token: await cloud.token(userId), device: userId })
    const sender = await join('sender')
    const receivers: DataMember[] = []
    for (let index = 0; index < receiverCount; index++) receivers.push(await join(`receiver-${index}`))
    const delivered = () => receivers.reduce((sum, { received }) => sum + received.length, 0)
    const rows: string[] = ['kind, bytes, a second | delivered a second | worker CPU | us a delivery']
    for (const [reliable, size, perSecond] of [
      [false, 100, 50],
      [true, 100, 50],
      [false, 1_000, 50],
      [true, 1_000, 50],
      [true, 16_000, 5],
    ] as const) {
      await vi.waitFor(async () => {
        const before = delivered()
        await new Promise((resolve) => setTimeout(resolve, 500))
        expect(delivered()).toBe(before)
      })
      const [messages, cpuMs, startedMs] = [delivered(), workerCpuMs(), performance.now()]
      for (let sent = 0; sent < seconds * perSecond; ) {
        const due = Math.floor(((performance.now() - startedMs) / 1_000) * perSecond)
        for (; sent < due; sent++) sender.send('x'.repeat(size), { reliable })
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      await new Promise((resolve) => setTimeout(resolve, 500))
      const [count, usedMs] = [delivered() - messages, workerCpuMs() - cpuMs]
      const share = Math.round((usedMs / (performance.now() - startedMs)) * 100)
      const cost = Math.round((usedMs * 1_000) / count)
      const kind = `${reliable ? 'reliable' : 'lossy'}, ${size}, ${perSecond}`
      rows.push(`${kind} | ${Math.round(count / seconds)} | ${share} % | ${cost}`)
    }
    process.stdout.write(`${rows.join('\n')}\n`)
    await Promise.all([sender, ...receivers].map((member) => member.close()))
    await cloud.close()
  }, 120_000)
})
