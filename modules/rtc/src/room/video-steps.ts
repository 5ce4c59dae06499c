import type { VideoStep } from './allocator.ts'
import type { Layer } from './layers.ts'

/** Bits a second a layer is taken for until it is measured, by its place. */
const guesses = [120_000, 450_000, 1_500_000, 3_000_000]
const guessAlone = 300_000
/** Headers and what else comes with the payload. */
const overhead = 1.05
/** Of the bits of a layer in several temporal layers, those of the lowest: half of the frames or fewer. */
const baseShare = 0.55
export const allFrames = 7

/**
 * The ways to send a video, up to the layer that is wanted: its layers, and the smallest with the frames of its base
 * alone where it has temporal layers.
 */
export function videoSteps(layers: readonly Layer[], wanted: number): VideoStep[] {
  const steps: VideoStep[] = []
  for (const [index, layer] of layers.entries()) {
    if (index > wanted || !layer.available) continue
    const guess = layers.length === 1 ? guessAlone : (guesses[index] ?? guessAlone)
    const measured = (layer.bitrate > 0 ? layer.bitrate : guess) * overhead
    // A layer that rests for a moment does not get cheaper than the one below it.
    const bitrate = Math.round(Math.max(measured, (steps.at(-1)?.bitrate ?? 0) * 1.01))
    if (steps.length === 0 && layer.temporal) {
      steps.push({ layer: index, temporalLayer: 0, bitrate: Math.round(bitrate * baseShare) })
    }
    steps.push({ layer: index, temporalLayer: allFrames, bitrate })
  }
  return steps
}
