import type { PublicationSource } from '@parley/contracts'
import { sendSteps } from './cpu-adaptation.ts'

/** What an encoding was made with. */
export interface EncodingBase {
  maxFramerate: number | undefined
  scaleResolutionDownBy: number | undefined
}

/** Layers that are sent: those somebody watches, without the top ones that the processor cannot carry. */
export function activeLayers(
  watched: readonly boolean[] | undefined,
  count: number,
  step: number,
): readonly boolean[] | undefined {
  const { droppedLayers = 0 } = sendSteps[step] ?? {}
  if (watched && watched.length !== count) return undefined
  const kept = Math.max(1, count - droppedLayers)
  return Array.from({ length: count }, (_, index) => (watched?.[index] ?? true) && index < kept)
}

/**
 * Frame rate and size of an encoding at a step. Screens keep their size, as their text must stay sharp, and are shown
 * at half the rate for each step; of several layers the top ones are left out instead of being scaled.
 */
export function cappedEncoding(
  base: EncodingBase,
  { source, layers, step }: { source: PublicationSource; layers: number; step: number },
): { maxFramerate: number | undefined; scaleResolutionDownBy: number | undefined } {
  const { droppedLayers, framesPerSecond } = sendSteps[step] ?? sendSteps[0]
  if (source === 'screen') {
    const maxFramerate = step === 0 ? base.maxFramerate : Math.max(2, (base.maxFramerate ?? 15) / 2 ** step)
    return { ...base, maxFramerate }
  }
  const maxFramerate =
    framesPerSecond === undefined ? base.maxFramerate : Math.min(base.maxFramerate ?? 60, framesPerSecond)
  if (layers > 1 || droppedLayers === 0) return { ...base, maxFramerate }
  return { maxFramerate, scaleResolutionDownBy: (base.scaleResolutionDownBy ?? 1) * 2 ** droppedLayers }
}
