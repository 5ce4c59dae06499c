import { createHash } from 'node:crypto'
import { loadavg } from 'node:os'
import type { NativeEvent } from '@parley/fastpath'
import { PathControl } from '../../../modules/rtc/src/sfu/path-control.ts'
import { reported } from '../../../modules/rtc/tests/path-reports.ts'
import { type PathReport, type PathWeather, SyntheticPath } from './synthetic-path.ts'

const weathers: readonly PathWeather[] = [
  { name: 'clean' },
  { name: 'loss 5 %', loss: 0.05 },
  { name: 'loss 40 %, feedback too', loss: 0.4, feedbackLoss: 0.4 },
  { name: 'a full path of 1 Mbps', capacity: 1e6 },
  { name: 'jitter of 40 ms, reordered', jitterMs: 40 },
]

const pathCount = 1_000
const seconds = 20
/** The first seconds warm up and hold the first probes; they are not counted. */
const warmSeconds = 5
const stepUs = 50_000
const holdUs = 10_000
const beginUs = 1e6

/** What congestion control of many subscribers cost in one weather. */
export interface ControlFigures {
  weather: string
  paths: number
  packets: number
  events: number
  microsecondsPerPacket: number
  /** Of it, what is due each 50 ms whether something came or not. */
  tickMicrosecondsPerPacket: number
  eventsPerSecond: number
  /** A digest of all that was decided: equal numbers mean equal decisions. */
  decisions: string
}

/** Feeds `PathControl` as the media worker does, on a virtual clock, and takes the time that it takes. */
export function measureControl(pattern: RegExp, say: (line: string) => void): ControlFigures[] {
  return weathers
    .filter(({ name }) => pattern.test(name))
    .map((weather) => {
      const figures = measureWeather(weather)
      say(
        `${weather.name}: ${figures.microsecondsPerPacket.toFixed(3)} us a packet ` +
          `(${figures.tickMicrosecondsPerPacket.toFixed(3)} of it ticks), ${Math.round(figures.eventsPerSecond)} events ` +
          `a CPU-second, decisions ${figures.decisions}, load average ${loadavg()[0]?.toFixed(1)}`,
      )
      return figures
    })
}

function measureWeather(weather: PathWeather): ControlFigures {
  const digest = createHash('sha256')
  const paths = new Map<number, SyntheticPath>()
  let nowUs = beginUs
  const control = new PathControl(
    {
      setPacing: (transport, bitrate) => digest.update(`p${transport}:${bitrate}`),
      sendProbe: (transport, bytes, bitrate) => {
        digest.update(`q${transport}:${bytes}:${bitrate}`)
        paths.get(transport)?.probe(bytes, bitrate, nowUs)
      },
    },
    (facts) => digest.update(JSON.stringify(facts)),
  )
  for (let transport = 1; transport <= pathCount; transport++) {
    paths.set(transport, new SyntheticPath(transport, weather))
    control.add(transport)
    control.setWanted(transport, 2_500_000)
  }
  let packets = 0
  let events = 0
  let handledUs = 0
  let tickedUs = 0
  for (; nowUs < beginUs + seconds * 1e6; nowUs += stepUs) {
    const reports = [...paths.values()].flatMap((path) => path.advance(nowUs + stepUs))
    const batch = asEvents(reports)
    const began = cpuMicroseconds()
    for (const event of batch) control.handleEvent(event)
    const handled = cpuMicroseconds()
    control.tick(nowUs + stepUs)
    if (nowUs < beginUs + warmSeconds * 1e6) continue
    tickedUs += cpuMicroseconds() - handled
    handledUs += handled - began
    packets += reports.reduce((sum, { sent }) => sum + sent.length, 0)
    events += reports.length
  }
  const spentUs = handledUs + tickedUs
  return {
    ...{ weather: weather.name, paths: pathCount, packets, events },
    microsecondsPerPacket: spentUs / packets,
    tickMicrosecondsPerPacket: tickedUs / packets,
    eventsPerSecond: (events * 1e6) / spentUs,
    decisions: digest.digest('hex').slice(0, 12),
  }
}

/** Of this process with its threads that collect garbage, so that other work on the machine does not count. */
function cpuMicroseconds(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** As the packet thread hands them over: what it collected in ten milliseconds is one event. */
function asEvents(reports: readonly PathReport[]): NativeEvent[] {
  const batches = new Map<number, PathReport[]>()
  for (const report of reports) {
    const due = Math.floor(report.atUs / holdUs)
    const batch = batches.get(due)
    if (batch === undefined) batches.set(due, [report])
    else batch.push(report)
  }
  return [...batches.values()].map((batch) =>
    reported(
      batch.flatMap(({ transport, sent, rtcp, atUs }) => [
        { transport, atUs, sent },
        { transport, atUs, rtcp },
      ]),
    ),
  )
}
