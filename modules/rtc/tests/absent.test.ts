import { silentLogger } from '@parley/core/kernel'
import { type DevCloud, RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SfuPool } from '../src/sfu/sfu-pool.ts'

describe('without the packet path', () => {
  let cloud: DevCloud
  beforeAll(async () => {
    cloud = await startDevCloud({ env: { PARLEY_RTC: 'false' } })
  })
  afterAll(() => cloud.close())

  test('RTC-22: rooms answer `not-implemented`, and chat goes on', async () => {
    const client = await RealtimeClient.connect(cloud.url, await cloud.token('alice'))
    await expect(client.request('rtc.join', { roomId: 'r' })).rejects.toMatchObject({
      code: 'not-implemented',
    })
    await cloud.token('bob')
    await client.request('conversation.open-direct', { userId: 'bob' })
    await client.close()
    expect(await cloud.call('POST', '/v1/rtc/rooms', { id: 'r' })).toMatchObject({ status: 501 })
    const token = await cloud.token('alice')
    expect(await cloud.call('POST', '/v1/rtc/rooms/r/whip', undefined, { token })).toMatchObject({
      status: 501,
    })
    expect((await fetch(`${cloud.url}/readyz`)).status).toBe(200)
  })

  test('RTC-22: what is missing and the line that mends it are told', async () => {
    const pool = new SfuPool({
      ...{ size: 1, port: 0, logger: silentLogger, entry: '/nowhere/sfu.js' },
      ...{ spread: 1_000, silenceMs: 1_600, scriptSilenceMs: 5_000, full: 0.85 },
      addresses: { local: ['127.0.0.1'], announced: ['127.0.0.1'] },
    })
    pool.start()
    await expect(pool.leastLoaded()).rejects.toMatchObject({
      code: 'not-implemented',
      message: expect.stringContaining('npm run build'),
    })
    await pool.close()
  })
})
