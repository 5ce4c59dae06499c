import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { type Holdings, holdings, operations, runChurn } from '@parley/testing/rtc-churn'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { buildSfu } from './build-sfu.ts'

const missing = await buildSfu()

describe.skipIf(missing !== '')(`churn${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  beforeAll(async () => {
    cloud = await startDevCloud({
      env: {
        PARLEY_MEDIA_ADDRESSES: '127.0.0.1',
        PARLEY_RTC_WORKERS: '2',
        PARLEY_RTC_ROOM_SPREAD: '1',
        PARLEY_RTC_PLACE_KEPT_MS: '1000',
        PARLEY_RTC_CONSENT_MS: '10000',
      },
    })
  })
  afterAll(() => cloud.close())

  /** Nobody is there, and the packet paths say so: what is left is what stays. */
  const settled = async (): Promise<Holdings> =>
    vi.waitFor(
      async () => {
        const held = await holdings(cloud.url)
        expect(held).toMatchObject({ rooms: 0, participants: 0, tracks: 0, streams: 0 })
        return held
      },
      { timeout: 30_000, interval: 500 },
    )

  test('RTC-85, RTC-86: whoever comes and goes, all get what they were told, and nothing is left behind', async () => {
    const churn = { url: cloud.url, token: (userId: string) => cloud.token(userId), population: 9, rooms: 2 }
    const warm = await runChurn({ ...churn, seed: 1, operations: 200 })
    const before = await settled()
    const totals = await runChurn({ ...churn, seed: 2, operations: 800 })
    const after = await settled()
    if (process.env.PARLEY_TABLES === '1') {
      process.stdout.write(`${JSON.stringify({ totals, before, after }, undefined, 2)}\n`)
    }
    for (const { wrong, problems } of [warm, totals])
      expect({ wrong, problems }).toEqual({ wrong: [], problems: [] })
    for (const operation of operations) expect(totals.done[operation]).toBeGreaterThan(3)
    expect(totals.streams).toBeGreaterThan(300)
    expect(totals.frames).toBeGreaterThan(5_000)
    expect(after.restarts).toBe(0)
    // The leg between the two workers stays: a transport at each end.
    expect(after.transports).toBe(2)
    expect(before.transports).toBe(2)
    expect(after.handles).toBe(before.handles)
    expect(after.sockets).toBeLessThanOrEqual(before.sockets + 2)
    expect(after.timers).toBeLessThanOrEqual(before.timers + 2)
  }, 180_000)

  test('RTC-83, RTC-85: also while workers end one after the other', async () => {
    const { wrong, problems, frames } = await runChurn({
      ...{ url: cloud.url, token: (userId: string) => cloud.token(userId), population: 9, rooms: 2 },
      ...{ seed: 3, operations: 300, killEvery: 60 },
    })
    expect({ wrong, problems }).toEqual({ wrong: [], problems: [] })
    expect(frames).toBeGreaterThan(500)
    expect((await settled()).restarts).toBe(5)
  }, 120_000)
})
