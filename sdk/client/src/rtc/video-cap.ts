import type { PublicationSource } from '@parley/contracts'
import { sendSteps } from './cpu-adaptation.ts'
import { type VideoEncoding, watchedEncodings } from './encodings.ts'

/** What an encoding was made with. */
interface EncodingBase {
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

/**
 * Holds a sender of video to what is watched (undefined: all layers) and to what the processor can carry. `full` is how
 * it is sent when nothing limits it. Rejects when the sender takes no parameters any more.
 */
export async function applyEncodings(
  sender: RTCRtpSender,
  options: {
    source: PublicationSource
    full: readonly VideoEncoding[]
    watched: readonly boolean[] | undefined
    step: number
  },
): Promise<void> {
  const { source, full, watched, step } = options
  const parameters = sender.getParameters()
  const told = () => JSON.stringify(parameters.encodings.map((encoding) => ({ active: true, ...encoding })))
  const before = told()
  const layers = watched?.length ?? full.length
  // Of a screen the small layer is no way to save: most see the sharp one.
  const active = activeLayers(watched, layers, source === 'screen' ? 0 : step)
  const kept = active && watchedEncodings(full, active)
  for (const [index, encoding] of parameters.encodings.entries()) {
    const { maxFramerate, scaleResolutionDownBy, ...wanted } = { ...full[index], ...kept?.[index] }
    const capped = cappedEncoding({ maxFramerate, scaleResolutionDownBy }, { source, layers, step })
    Object.assign(encoding, wanted)
    if (capped.maxFramerate === undefined) delete encoding.maxFramerate
    else encoding.maxFramerate = capped.maxFramerate
    if (capped.scaleResolutionDownBy !== undefined)
      encoding.scaleResolutionDownBy = capped.scaleResolutionDownBy
  }
  if (told() !== before) await sender.setParameters(parameters)
}
