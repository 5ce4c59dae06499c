import { expect, test } from 'vitest'
import { Metrics } from './metrics.ts'

test('counters, gauges and histograms are rendered under the parley_ prefix', async () => {
  const metrics = new Metrics()
  metrics.counter({ name: 'things_total', help: 'Things', labels: ['kind'] }).inc({ kind: 'a' }, 2)
  let size = 1
  metrics.gauge({ name: 'size', help: 'Size', read: () => size })
  metrics.histogram({ name: 'wait_seconds', help: 'Wait', buckets: [1, 2] }).observe(1.5)
  size = 7
  const page = await metrics.render()
  expect(page).toContain('parley_things_total{kind="a"} 2')
  expect(page).toContain('parley_size 7')
  expect(page).toContain('parley_wait_seconds_bucket{le="2"} 1')
  expect(page).toContain('parley_wait_seconds_bucket{le="1"} 0')
})

test('a gauge that is asked for each label shows those there are now', async () => {
  const metrics = new Metrics()
  const sizes = new Map([
    ['0', 1],
    ['1', 2],
  ])
  metrics.gauge({
    ...{ name: 'size', help: 'Size', labels: ['place'] },
    readEach: () => [...sizes].map(([place, value]) => ({ labels: { place }, value })),
  })
  expect(await metrics.render()).toContain('parley_size{place="1"} 2')
  sizes.delete('1')
  const page = await metrics.render()
  expect(page).toContain('parley_size{place="0"} 1')
  expect(page).not.toContain('place="1"')
})

test('two processes in one test keep their own metrics', async () => {
  const one = new Metrics()
  const other = new Metrics()
  one.counter({ name: 'calls_total', help: 'Calls' }).inc()
  other.counter({ name: 'calls_total', help: 'Calls' })
  expect(await other.render()).toContain('parley_calls_total 0')
})

test('a metric of the same name twice is a mistake of the programmer', () => {
  const metrics = new Metrics()
  metrics.counter({ name: 'calls_total', help: 'Calls' })
  expect(() => metrics.counter({ name: 'calls_total', help: 'Calls' })).toThrow()
})

test('process metrics tell memory and CPU', async () => {
  const metrics = new Metrics()
  metrics.collectProcess()
  const page = await metrics.render()
  expect(page).toContain('parley_process_cpu_seconds_total')
  expect(page).toContain('parley_process_resident_memory_bytes')
})
