import { setTimeout as sleep } from 'node:timers/promises'
import { type GeneratorLoad, GeneratorWatch } from '../machine/generator-watch.ts'
import { coresBetween, type PartLoad, usageOf } from '../machine/processes.ts'
import { MessageLog, type Stage } from './message-log.ts'
import type { ChatTarget } from './target.ts'

/** How fast messages are sent: so many under way at a time, or so many a second whatever comes back. */
export type Pace = { window: number; until: 'acked' | 'complete' } | { perSecond: number }

export interface PhaseOptions {
  target: ChatTarget
  stage: Stage
  pace: Pace
  durationMs: number
  /** Connections that are to get each message. */
  receivers: number
  /** Sends one message; called with its number. */
  send(number: number): void
}

export interface PhaseResult {
  pace: Pace
  sendsPerSecond: number
  deliveriesPerSecond: number
  ackP50Ms: number
  ackP99Ms: number
  deliveryP50Ms: number
  deliveryP99Ms: number
  sent: number
  acknowledged: number
  refused: number
  reasons: string
  received: number
  expected: number
  surplus: number
  /** Of the time of the phase. */
  parts: PartLoad[]
  generator: GeneratorLoad
}

const drainMs = 10_000
const tickMs = 1

/** Sends for a while, waits for what is under way, and says what came of it. */
export async function runPhase(options: PhaseOptions): Promise<PhaseResult> {
  const { target, stage, pace, durationMs, receivers } = options
  const log = new MessageLog({ receivers })
  stage.log = log
  const groups = await target.processes()
  const usageBefore = usageOf(groups)
  const watch = new GeneratorWatch()
  const begun = performance.now()
  if ('window' in pace) await runClosedLoop(options, log, pace, begun + durationMs)
  else await runOpenLoop(options, log, pace.perSecond, begun + durationMs)
  const seconds = (performance.now() - begun) / 1000
  const { acknowledged, received } = log
  const generator = watch.stop()
  const parts = coresBetween(usageBefore, usageOf(groups), seconds)
  await drained(log)
  return {
    pace,
    sendsPerSecond: acknowledged / seconds,
    deliveriesPerSecond: received / seconds,
    ackP50Ms: log.acks.quantile(0.5),
    ackP99Ms: log.acks.quantile(0.99),
    deliveryP50Ms: log.deliveries.quantile(0.5),
    deliveryP99Ms: log.deliveries.quantile(0.99),
    sent: log.sent,
    acknowledged: log.acknowledged,
    refused: log.refused,
    reasons: log.reasons,
    received: log.received,
    expected: log.expected,
    surplus: log.surplus,
    parts,
    generator,
  }
}

/** Each message that is settled makes room for the next one. */
async function runClosedLoop(
  { send }: PhaseOptions,
  log: MessageLog,
  { window, until }: Extract<Pace, { window: number }>,
  endsAt: number,
): Promise<void> {
  const underWay = (): number => (until === 'acked' ? log.pending : log.incomplete)
  const fill = (): void => {
    while (underWay() < window && performance.now() < endsAt) send(log.next())
  }
  let filling = false
  const soon = (): void => {
    if (filling) return
    filling = true
    setImmediate(() => {
      filling = false
      fill()
    })
  }
  log.onSettled = soon
  log.onComplete = soon
  fill()
  await sleep(endsAt - performance.now())
  log.onSettled = () => undefined
  log.onComplete = () => undefined
}

/** Latency runs from when a message was due, so that a generator that comes late does not hide what waits. */
async function runOpenLoop(
  { send }: PhaseOptions,
  log: MessageLog,
  perSecond: number,
  endsAt: number,
): Promise<void> {
  const begun = performance.now()
  while (performance.now() < endsAt) {
    const due = ((performance.now() - begun) / 1000) * perSecond
    while (log.sent < due) send(log.next(begun + (log.sent / perSecond) * 1000))
    await sleep(tickMs)
  }
}

async function drained(log: MessageLog): Promise<void> {
  const deadline = performance.now() + drainMs
  while (performance.now() < deadline) {
    if (log.pending <= 0 && log.received >= log.expected) return
    await sleep(20)
  }
}

/** Runs the same phase at several paces and returns the one with the highest rate. */
export async function findHighest(
  options: Omit<PhaseOptions, 'pace'>,
  paces: readonly Pace[],
  rateOf: (result: PhaseResult) => number,
  onResult: (result: PhaseResult) => void,
): Promise<PhaseResult> {
  let best: PhaseResult | undefined
  for (const pace of paces) {
    const result = await runPhase({ ...options, pace })
    onResult(result)
    if (best === undefined || rateOf(result) > rateOf(best)) best = result
  }
  if (best === undefined) throw new Error('no pace was given')
  return best
}
