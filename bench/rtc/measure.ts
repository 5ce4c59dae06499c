import { setTimeout as sleep } from 'node:timers/promises'
import { pin } from '../chat/machine/cores.ts'
import type { DelayQuantiles, Filled, JoinTimes, WindowReport } from './load/generator.ts'
import { GeneratorProcess, shareOf } from './load/generator-process.ts'
import { spanOf, usageIn } from './load/span.ts'
import type { BenchOptions } from './options.ts'
import { raisePriority } from './priority.ts'
import type { SfuTarget, TargetName } from './target.ts'

/** Times of several joins. Milliseconds. */
export interface JoinFigures {
  joins: number
  failed: number
  perSecond: number
  connectedP50Ms: number
  firstPacketP50Ms: number
  firstPacketP95Ms: number
  firstFrameP50Ms: number
  firstFrameP95Ms: number
}

/** One window of forwarding to a number of subscribers. */
export interface WindowFigures {
  subscribers: number
  /** Those that could join. */
  players: number
  /** The joins before the window. */
  joined: JoinFigures
  packetsPerSecond: number
  /** Of the forwarding process, user and kernel. */
  packetsPerCpuSecond: number
  cpuMicrosecondsPerPacket: number
  mediaCores: number
  mediaKernelShare: number
  controlCores: number
  mediaMemoryMiB: number
  /** Gaps in the numbers of what came. */
  lossPercent: number
  /** What came, of what should have come in the window: below 100 without loss is a growing queue. */
  keptUpPercent: number
  silent: number
  /** Packets that did not open, of those that were tried. */
  refused: number
  /** Seen by a process of a few subscribers that opens every packet. */
  audio: DelayQuantiles
  video: DelayQuantiles
  floor: DelayQuantiles
  generatorBusy: number
  generatorLagMs: number
  generatorCores: number
  /** By the kernel, as a generator did not take them in time; they count as lost. */
  generatorDropped: number
  /** The figures say more about the generator than about the server. */
  generatorIsBottleneck: boolean
}

export interface TargetFigures {
  name: TargetName
  cipher: string
  inTurn: JoinFigures
  atOnce: JoinFigures
  windows: WindowFigures[]
  notes: string[]
}

const probes = 3
const saturated = 0.85
const settleMs = 1_500
/** A server that keeps up with less, on a full core, is not asked for more. */
const overloadedBelow = 90
/** Beyond so many the publisher is quiet while they join, so that a saturated server still lets all of them in. */
const quietAbove = 50
/** Between joins one after the other: longer than servers hold back requests for key frames. */
const joinPauseMs = 700
/** Players of load open one packet in so many. */
const openEvery = 128

/** All measurements of one server with its generators. */
export async function measure(
  target: SfuTarget,
  options: BenchOptions,
  say: (line: string) => void,
): Promise<TargetFigures> {
  const publisher = new GeneratorProcess()
  const probe = new GeneratorProcess()
  const audiences = Array.from({ length: options.generators }, () => new GeneratorProcess())
  const all = [publisher, probe, ...audiences]
  raisePriority(target.mediaPid)
  try {
    for (const { pid } of all) {
      pin(pid, options.otherCores)
      raisePriority(pid)
    }
    await Promise.all(all.map((process, index) => process.call('open', target.door(`audience-${index}`))))
    for (const process of [probe, ...audiences]) await process.call('setFeedback', options.feedbackMs)
    const cipher = await publisher.call('publish', await probe.call('openFloor'))
    const inTurn = joinFigures(await probe.call('joinInTurn', options.quick ? 8 : 15, joinPauseMs))
    say(`one after the other: ${describeJoins(inTurn)}`)
    const [first = 50] = options.steps
    await probe.call('fill', probes, 1, 1)
    const notes: string[] = []
    const grow = async (from: number, to: number, atATime: number): Promise<JoinFigures> => {
      const shares = audiences.map((_, index) => shareOf(to - from, audiences.length, index))
      const filled = await Promise.all(
        audiences.map((audience, index) => audience.call('fill', shares[index] ?? 0, atATime, openEvery)),
      )
      for (const reason of new Set(filled.flatMap(({ failed }) => failed))) {
        notes.push(`a join failed: ${reason}`)
        say(`a join failed: ${reason}`)
      }
      return fillFigures(filled)
    }
    const windows: WindowFigures[] = []
    let present = probes
    let atOnce: JoinFigures | undefined
    for (const step of options.steps) {
      const last = windows.at(-1)
      if (last !== undefined && last.mediaCores > 0.9 && last.keptUpPercent < overloadedBelow) {
        notes.push(`1 -> ${step} left out: its core was full at ${last.subscribers}`)
        say(notes.at(-1) ?? '')
        continue
      }
      const quiet = step > quietAbove
      await publisher.call('setQuiet', quiet)
      const joined = await grow(present, step, step === first ? step : 24)
      await publisher.call('setQuiet', false)
      atOnce ??= joined
      say(`${joined.joins} ${step === first ? 'at once' : 'more'}: ${describeJoins(joined)}`)
      present = step
      await sleep(settleMs)
      const window = await forward(target, { publisher, probe, audiences }, options.windowSeconds)
      windows.push({ subscribers: step, joined, ...window })
      say(describeWindow(step, window))
    }
    return { name: target.name, cipher, inTurn, atOnce: atOnce ?? inTurn, windows, notes }
  } finally {
    await Promise.all(all.map((process) => process.close()))
  }
}

async function forward(
  target: SfuTarget,
  {
    publisher,
    probe,
    audiences,
  }: Record<'publisher' | 'probe', GeneratorProcess> & {
    audiences: readonly GeneratorProcess[]
  },
  seconds: number,
): Promise<Omit<WindowFigures, 'subscribers' | 'joined'>> {
  const all = [publisher, probe, ...audiences]
  const span = spanOf(seconds)
  const [usage, reports] = await Promise.all([
    usageIn(span, [
      { part: 'media', pids: [target.mediaPid] },
      { part: 'control', pids: target.controlPids },
      { part: 'generators', pids: all.map(({ pid }) => pid) },
    ]),
    Promise.all(all.map((process) => process.call('measure', span))),
  ])
  const [media, control, generators] = usage
  if (media === undefined || control === undefined || generators === undefined) throw new Error('no usage')
  const players = reports.filter((report) => report.players > 0)
  const sum = (of: (report: WindowReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0)
  const received = sum((report) => report.received)
  const [sender, seen] = reports
  if (sender === undefined || seen === undefined) throw new Error('no reports')
  const expected = Math.max(
    sum((report) => report.expected),
    1,
  )
  // What the publisher counts by itself, for the length of the span.
  const sent = (sender.sent * seconds) / sender.seconds
  const dropped = sum((report) => report.dropped)
  const busiest = Math.max(...players.map(({ busy }) => busy))
  return {
    packetsPerSecond: received / seconds,
    packetsPerCpuSecond: received / Math.max(media.cpuSeconds, 0.01),
    cpuMicrosecondsPerPacket: (media.cpuSeconds * 1e6) / Math.max(received, 1),
    mediaCores: media.cpuSeconds / seconds,
    mediaKernelShare: media.systemSeconds / Math.max(media.cpuSeconds, 0.01),
    controlCores: control.cpuSeconds / seconds,
    mediaMemoryMiB: media.memoryBytes / 2 ** 20,
    lossPercent: 100 * Math.max(0, 1 - received / expected),
    players: sum((report) => report.players),
    keptUpPercent: (100 * received) / Math.max(sent * sum((report) => report.players), 1),
    silent: sum((report) => report.silent),
    refused: sum((report) => report.refused),
    audio: seen.audio,
    video: seen.video,
    floor: seen.floor,
    generatorBusy: Math.max(busiest, sender.busy),
    generatorLagMs: Math.max(...reports.map(({ lagMs }) => lagMs)),
    generatorCores: generators.cpuSeconds / seconds,
    generatorDropped: dropped,
    generatorIsBottleneck: Math.max(busiest, sender.busy) > saturated || dropped > 0,
  }
}

function fillFigures(filled: readonly Filled[]): JoinFigures {
  const seconds = Math.max(...filled.map((part) => part.seconds))
  const joins = filled.flatMap((part) => part.joins)
  const failed = filled.reduce((total, part) => total + part.failed.length, 0)
  return { ...joinFigures(joins), failed, perSecond: joins.length / seconds }
}

function joinFigures(joins: readonly JoinTimes[]): JoinFigures {
  const at = (of: (times: JoinTimes) => number, share: number): number => {
    const sorted = joins.map(of).sort((a, b) => a - b)
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  }
  const total = joins.reduce((sum, { firstFrameMs }) => sum + firstFrameMs, 0)
  return {
    joins: joins.length,
    failed: 0,
    perSecond: joins.length / Math.max(total / 1000, 0.001),
    connectedP50Ms: at(({ connectedMs }) => connectedMs, 0.5),
    firstPacketP50Ms: at(({ firstPacketMs }) => firstPacketMs, 0.5),
    firstPacketP95Ms: at(({ firstPacketMs }) => firstPacketMs, 0.95),
    firstFrameP50Ms: at(({ firstFrameMs }) => firstFrameMs, 0.5),
    firstFrameP95Ms: at(({ firstFrameMs }) => firstFrameMs, 0.95),
  }
}

const ms = (value: number): string => `${Number(value.toPrecision(3))} ms`

function describeJoins(figures: JoinFigures): string {
  const { joins, failed, perSecond, connectedP50Ms, firstPacketP50Ms, firstFrameP50Ms, firstFrameP95Ms } =
    figures
  return (
    `${joins} joined${failed > 0 ? `, ${failed} FAILED` : ''}, ${perSecond.toFixed(1)}/s; connected p50 ${ms(connectedP50Ms)}, ` +
    `first packet p50 ${ms(firstPacketP50Ms)}, first frame p50 ${ms(firstFrameP50Ms)} p95 ${ms(firstFrameP95Ms)}`
  )
}

function describeWindow(subscribers: number, window: Omit<WindowFigures, 'subscribers' | 'joined'>): string {
  const { audio, video, floor } = window
  return (
    `1 -> ${subscribers}: ${Math.round(window.packetsPerSecond)} packets/s, ` +
    `${Math.round(window.packetsPerCpuSecond)} a CPU-second, ${window.cpuMicrosecondsPerPacket.toFixed(2)} us each, ` +
    `${window.mediaCores.toFixed(2)} cores (${(window.mediaKernelShare * 100).toFixed(0)} % kernel), ` +
    `lost ${window.lossPercent.toFixed(3)} %, kept up with ${window.keptUpPercent.toFixed(0)} %${window.silent > 0 ? `, ${window.silent} SILENT` : ''}${window.refused > 0 ? `, ${window.refused} DID NOT OPEN` : ''}; ` +
    `delay p50/p99 audio ${ms(audio.p50Ms)}/${ms(audio.p99Ms)}, video ${ms(video.p50Ms)}/${ms(video.p99Ms)}, ` +
    `no server ${ms(floor.p50Ms)}/${ms(floor.p99Ms)}; generator ${(window.generatorBusy * 100).toFixed(0)} % busy, ${window.generatorCores.toFixed(2)} cores` +
    `${window.generatorIsBottleneck ? ' -- THE GENERATOR IS THE BOTTLENECK' : ''}`
  )
}
