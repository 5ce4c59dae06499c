import type { PublicationSource } from '@parley/contracts'
import type { VideoStep } from './allocator.ts'
import type { Layer } from './layers.ts'

/** Bits a second a layer is taken for until it is measured, by its place. */
const cameraGuesses = [120_000, 450_000, 1_500_000, 3_000_000]
const guessAlone = 300_000
const screenGuesses = [200_000, 1_000_000, 2_500_000]
/** A new page of a screen is to be there within so many seconds; most of the time it stands still. */
const pageSeconds = 2.5
/** The least a smallest layer of a screen is taken for. */
const leastOfScreen = 100_000
/** Headers and what else comes with the payload. */
const overhead = 1.05
/** Of the bits of a layer in several temporal layers, those of the lowest: half of the frames or fewer. */
const baseShare = 0.55
export const allFrames = 7

/**
 * The ways to send a video, up to the layer that is wanted: its layers, and the smallest with the frames of its base
 * alone where it has temporal layers.
 */
export function videoSteps(
  layers: readonly Layer[],
  wanted: number,
  source: PublicationSource = 'camera',
): VideoStep[] {
  const guesses = source === 'screen' ? screenGuesses : cameraGuesses
  const steps: VideoStep[] = []
  for (const [index, layer] of layers.entries()) {
    if (index > wanted || !layer.available) continue
    const guess = layers.length === 1 ? guessAlone : (guesses[index] ?? guessAlone)
    const known = layer.bitrate > 0 ? layer.bitrate : guess
    const measured = (source === 'screen' ? screenBitrate(layer, known, steps.length > 0) : known) * overhead
    // A layer that rests for a moment does not get cheaper than the one below it.
    const bitrate = Math.round(Math.max(measured, (steps.at(-1)?.bitrate ?? 0) * 1.01))
    if (steps.length === 0 && layer.temporal) {
      steps.push({ layer: index, temporalLayer: 0, bitrate: Math.round(bitrate * baseShare) })
    }
    steps.push({ layer: index, temporalLayer: allFrames, bitrate })
  }
  return steps
}

/**
 * A page that comes late is better than none: the smallest layer costs what it takes over seconds. A larger one is worth it
 * only where its pages come soon.
 */
function screenBitrate({ peak = 0, average = 0 }: Layer, known: number, isLarger: boolean): number {
  return isLarger ? Math.max(known, peak / pageSeconds) : Math.min(known, Math.max(average, leastOfScreen))
}
