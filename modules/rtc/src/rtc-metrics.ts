import type { Metrics } from '@parley/core/metrics'
import type { Rooms } from './room/rooms.ts'
import type { SfuPool } from './sfu/sfu-pool.ts'
import type { HeldByWorker, QualityReporter } from './usage/quality-reporter.ts'

export interface RtcMetricsSources {
  rooms: Rooms
  pool: SfuPool
  quality: QualityReporter
}

/** What goes on in the rooms of this process, read at each scrape. */
export function addRtcMetrics(metrics: Metrics, { rooms, pool, quality }: RtcMetricsSources): void {
  const gauge = (name: string, help: string, read: () => number): void => {
    metrics.gauge({ name, help, read })
  }
  const sum = (count: (room: Rooms['alive'][number]) => number) => () =>
    rooms.alive.reduce((total, room) => total + count(room), 0)
  gauge('rtc_rooms', 'Rooms alive in this process', () => rooms.alive.length)
  gauge(
    'rtc_participants',
    'Participants of these rooms',
    sum((room) => room.participants.size),
  )
  gauge(
    'rtc_publications',
    'Publications in these rooms',
    sum((room) => room.publications.size),
  )
  const held = (what: keyof HeldByWorker) => () =>
    [...quality.held.values()].reduce((total, worker) => total + worker[what], 0)
  gauge(
    'rtc_transports',
    'Transports of the packet paths, legs between workers among them',
    held('transports'),
  )
  gauge('rtc_tracks', 'Tracks that come into packet paths', held('tracks'))
  gauge('rtc_streams', 'Streams that leave packet paths', held('streams'))
  gauge('rtc_packet_buffers', 'Packet buffers in use', held('buffers'))
  gauge('rtc_workers', 'Media workers that run', () => pool.workers.length)
  metrics.gauge({
    name: 'rtc_worker_busy_ratio',
    help: 'Share of the last second in which the packet thread of a media worker did not wait',
    labels: ['worker'],
    readEach: () =>
      pool.workers.map(({ index, busy }) => ({ labels: { worker: String(index) }, value: busy })),
  })
  gauge('rtc_joins_refused_total', 'Joins refused because all media workers were full', () => pool.refusals)
  gauge(
    'rtc_events_dropped_total',
    'Feedback, levels and application data that were dropped as the JavaScript thread of a media worker was late',
    () => quality.totals.eventsDropped,
  )
  gauge('rtc_worker_restarts_total', 'Media workers that ended and were started again', () => pool.restarts)
  gauge(
    'rtc_packets_received_total',
    'Packets that media workers received',
    () => quality.totals.packetsReceived,
  )
  gauge('rtc_packets_sent_total', 'Packets that media workers sent', () => quality.totals.packetsSent)
  gauge(
    'rtc_packet_cpu_seconds_total',
    'CPU time of the packet threads',
    () => quality.totals.cpuMicroseconds / 1e6,
  )
}
