import { burstLoss, type Impairment } from '@parley/testing/weaknet'

/** What stands between one side of a call and the server. */
export interface Weather {
  name: string
  video: boolean
  /** Towards the server, on the path of the publisher. */
  up?: Impairment
  /** From the server, on the path of the subscriber. */
  down?: Impairment
  /** The network changes while it is measured: after so many seconds, to this. */
  steps?: readonly { afterSeconds: number; down: Impairment }[]
}

const delayMs = 20
export const near: Impairment = { delayMs }

export const weathers: readonly Weather[] = [
  ...[0, 0.3, 0.5, 0.7, 0.8].map((loss) => ({
    name: `sound, ${loss * 100} % down`,
    video: false,
    down: { loss, delayMs },
  })),
  ...[0.3, 0.5, 0.7, 0.8].map((loss) => ({
    name: `sound, ${loss * 100} % up`,
    video: false,
    up: { loss, delayMs },
  })),
  ...[0, 0.1, 0.3, 0.5, 0.7].map((loss) => ({
    name: `picture, ${loss * 100} % down`,
    video: true,
    down: { loss, delayMs },
  })),
  ...[0.05, 0.1, 0.2, 0.3].map((loss) => ({
    name: `picture, ${loss * 100} % up`,
    video: true,
    up: { loss, delayMs },
  })),
  {
    name: 'picture, bursts of 5, 10 % down',
    video: true,
    down: { bursts: burstLoss({ loss: 0.1, meanLength: 5 }), delayMs },
  },
  { name: 'picture, 300 ms down', video: true, down: { delayMs: 300 } },
  ...[0.05, 0.1].map((loss) => ({
    name: `picture, 300 ms and ${loss * 100} % down`,
    video: true,
    down: { loss, delayMs: 300 },
  })),
  {
    name: 'picture, 300 ms and bursts of 3, 5 % down',
    video: true,
    down: { bursts: burstLoss({ loss: 0.05, meanLength: 3 }), delayMs: 300 },
  },
  { name: 'picture, 500 kbit/s down', video: true, down: { rateKbps: 500, queueBytes: 30_000, delayMs } },
  {
    name: 'picture, 1500 -> 400 -> 1500 kbit/s',
    video: true,
    down: { rateKbps: 1_500, queueBytes: 60_000, delayMs },
    steps: [
      { afterSeconds: 5, down: { rateKbps: 400, queueBytes: 30_000, delayMs } },
      { afterSeconds: 13, down: { rateKbps: 1_500, queueBytes: 60_000, delayMs } },
    ],
  },
]
