import type { RepairOptions } from '@parley/fastpath'
import type { LossKind } from '../congestion/index.ts'

/** What is known of a path by which its losses are repaired. */
export interface PathLoss {
  /** Share of packets lost before repair, 0 to 1. */
  readonly loss: number
  readonly lossKind: LossKind
}

/** What is known beside it of a path that is measured. */
export interface MeasuredPath {
  /** From sending a packet to hearing of it, with what it waits in queues. */
  readonly roundTripMs: number
  /** The most packets of protection and copies for one of media that there is room for. */
  readonly most: number
}

/** Frames of sound that may stay lost after all redundancy: three in a thousand. */
const residual = 0.003
const mostDepth = 17
const noticeableLoss = 0.03
/** Sound this late is not played any more; a picture this late still mends those after it. */
const audioDeadlineMs = 420
const videoDeadlineMs = 800
/** Where answers take long: time for a second one. */
const farVideoDeadlineMs = 1_200
/** From here on RED alone would have to be so deep that sound waits long for it. */
const audioCopiesFrom = 0.6
/** A copy halves the depth that is needed, less a reserve. */
const copyExponent = 1.5
/** From here on each packet of video is sent twice: half of them would be asked for anyway, and later. */
const videoCopyFrom = 0.4
const mostCopies = 6
const roundingError = 0.001
const burstsFrom = noticeableLoss
/** Packets of the first round of answers, little and much being lost; the n-th round has n times as many. */
const videoAnswers = { few: 2, many: 3 }
/**
 * Answers that take longer are too late for the picture they mend, and for those that stand on it: there copies go ahead. They
 * leave so late that a burst which hit the picture is over, and so early that the client SDK still waits for them.
 */
const farRoundTripMs = 250
const aheadWithinMs = 55
/** Of packets on such a path, those that may stay lost after their copies; protection brings back most of these. */
const aheadResidual = 0.01
export const mostCopiesAhead = 3
/** Where so much is lost, and feedback tells of the first attempts before the last have to be made. */
const attemptsFrom = 0.2
const attemptsRoundTripMs = 150
const attemptsWithinMs = 240
/** Of the packets that are not known to have arrived by then, those that may stay lost. */
const attemptsResidual = 0.03

/**
 * How losses of a stream are repaired beyond answering requests. Redundancy is for paths that lose whatever is sent;
 * where too much is sent, more of it would only add to that.
 */
export function repairOf(
  kind: 'audio' | 'video',
  path: PathLoss & Partial<MeasuredPath>,
  { red, fecShare = 0 }: { red: boolean; fecShare?: number },
): RepairOptions {
  const { loss, lossKind, roundTripMs = Number.POSITIVE_INFINITY, most = 0 } = path
  const random = lossKind === 'random' && loss >= noticeableLoss
  if (kind === 'audio') {
    if (!random) return { redDepth: 0, copies: 0, bursts: false, deadlineMs: audioDeadlineMs }
    const copies = loss >= audioCopiesFrom ? 1 : 0
    return {
      redDepth: red ? frames(copies > 0 ? loss ** copyExponent : loss) : 0,
      copies: red ? copies : Math.min(mostCopies, frames(loss)),
      bursts: false,
      deadlineMs: audioDeadlineMs,
    }
  }
  const answered = random && loss >= attemptsFrom && roundTripMs <= attemptsRoundTripMs
  const attempts = answered ? attemptsAt(loss) : undefined
  // Protection comes first, as it costs less.
  const wanted = copiesAhead(path)
  const ahead = Math.min(wanted, Math.floor(most - fecShare + roundingError))
  const spread = ahead > 0 ? { copies: ahead, copyDistanceMs: Math.round(aheadWithinMs / ahead) } : undefined
  return {
    redDepth: 0,
    // What a packet brings back of several is little where many are lost, and answers that come soon would wait for it.
    fecShare: attempts === undefined ? fecShare : 0,
    copies: random && loss >= videoCopyFrom ? 1 : 0,
    bursts: random && loss >= burstsFrom,
    ...spread,
    ...attempts,
    deadlineMs: wanted > 0 ? farVideoDeadlineMs : videoDeadlineMs,
  }
}

/** Copies of a picture that are to go ahead of all requests where answers come too late, if there were room without end. */
export function copiesAhead(path: PathLoss & Partial<MeasuredPath>): number {
  const { loss, lossKind, roundTripMs = 0 } = path
  if (lossKind !== 'random' || loss < noticeableLoss || roundTripMs <= farRoundTripMs) return 0
  const sendings = Math.round(Math.log(aheadResidual) / Math.log(Math.min(loss, 0.95)))
  return Math.max(1, Math.min(mostCopiesAhead, sendings - 1))
}

function attemptsAt(loss: number): Pick<RepairOptions, 'answers' | 'attempts' | 'attemptsWithinMs'> {
  return {
    answers: loss >= videoCopyFrom ? videoAnswers.many : videoAnswers.few,
    attempts: Math.round(Math.log(attemptsResidual) / Math.log(Math.min(loss, 0.8))),
    attemptsWithinMs,
  }
}

/**
 * What the path loses, 0 to 1, seen through copies: a packet is missing, and asked for, when all of its copies are lost,
 * and receivers count copies that arrive as if they made up for packets that did not.
 */
export function lossBehindCopies(
  { asked, reported }: { asked: number; reported: number },
  copies: number,
): number {
  const byReport = reported > 0 ? 1 - (1 - reported) / (1 + copies) : 0
  return Math.max(byReport, asked ** (1 / (1 + copies)))
}

/** So many frames before each that at this loss only the residual is missing. */
function frames(loss: number): number {
  const copies = Math.ceil(Math.log(residual) / Math.log(Math.min(loss, 0.95)))
  return Math.max(1, Math.min(mostDepth, copies - 1))
}

/** Rises fast and falls slowly: redundancy that comes late is of no use, and one that goes early is missed. */
const rising = 0.6
const falling = 0.1
/** Redundancy that made the losses this much worse was the cause of more. */
const worse = 0.15
const restsMs = 30_000
/** The first reports of a path cover only a part of it. */
const settledWindows = 3
/** Sound that arrives this unevenly waits in a queue that is full. */
const congestedJitterMs = 60

/**
 * Judges by reports alone the losses of a path that carries no measured video: random, unless packets arrive unevenly
 * or the losses grew with the redundancy against them.
 */
export class ReportedLoss {
  #loss = 0
  #answered: number | undefined
  #restsUntilMs = Number.NEGATIVE_INFINITY
  /** Reports since the redundancy began. */
  #windows = 0

  update({ loss, jitterMs, nowMs }: { loss: number; jitterMs: number; nowMs: number }): PathLoss {
    // Reports cover two seconds and more: what they say is no accident.
    this.#loss += (loss > this.#loss ? 1 : falling) * (loss - this.#loss)
    const congested = jitterMs > congestedJitterMs
    const grown = this.#windows >= settledWindows && loss > (this.#answered ?? loss) + worse
    if (congested || grown) {
      // Growing losses by themselves are answered again after a while.
      this.#restsUntilMs = nowMs + restsMs
      this.#answered = undefined
    }
    const random = this.#loss >= noticeableLoss && nowMs >= this.#restsUntilMs
    if (random) this.#answered = Math.max(this.#answered ?? 0, this.#loss)
    else if (this.#loss < noticeableLoss) this.#answered = undefined
    this.#windows = random ? this.#windows + 1 : 0
    const lossKind = this.#loss < noticeableLoss ? 'none' : random ? 'random' : 'congestion'
    return { loss: this.#loss, lossKind }
  }
}

/** Follows a measured path as `ReportedLoss` follows reports, so that redundancy does not tremble with each window. */
export class SteadyLoss {
  #loss = 0
  #kind: LossKind = 'none'

  update({ loss, lossKind }: PathLoss): PathLoss {
    this.#loss += (loss > this.#loss ? rising : falling) * (loss - this.#loss)
    // A moment without loss does not end what was random.
    if (lossKind !== 'none' || this.#loss < noticeableLoss) this.#kind = lossKind
    return { loss: this.#loss, lossKind: this.#kind }
  }
}
