import type { PublicationSource } from '@parley/contracts'
import { sendSteps } from './cpu-adaptation.ts'

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

/** Holds senders of video to what is watched, and to what the processor can carry. */
export class VideoCaps {
  readonly #bases = new WeakMap<RTCRtpSender, readonly EncodingBase[]>()

  /** `watched` undefined: all layers. Rejects when the sender takes no parameters any more. */
  async apply(
    sender: RTCRtpSender,
    {
      source,
      watched,
      step,
    }: { source: PublicationSource; watched: readonly boolean[] | undefined; step: number },
  ): Promise<void> {
    const parameters = sender.getParameters()
    const { encodings } = parameters
    const active = activeLayers(watched, encodings.length, step)
    const bases = this.#bases.get(sender) ?? encodings.map(baseOf)
    this.#bases.set(sender, bases)
    let isChanged = false
    for (const [index, encoding] of encodings.entries()) {
      const { maxFramerate, scaleResolutionDownBy } = cappedEncoding(bases[index] ?? baseOf(encoding), {
        source,
        layers: encodings.length,
        step,
      })
      const isActive = encoding.active ?? true
      const wanted = { active: active?.[index] ?? isActive, maxFramerate, scaleResolutionDownBy }
      const present = { active: isActive, ...baseOf(encoding) }
      if (Object.entries(wanted).every(([name, value]) => present[name as keyof typeof present] === value))
        continue
      isChanged = true
      encoding.active = wanted.active
      if (maxFramerate === undefined) delete encoding.maxFramerate
      else encoding.maxFramerate = maxFramerate
      if (scaleResolutionDownBy !== undefined) encoding.scaleResolutionDownBy = scaleResolutionDownBy
    }
    if (isChanged) await sender.setParameters(parameters)
  }
}

function baseOf({ maxFramerate, scaleResolutionDownBy }: RTCRtpEncodingParameters): EncodingBase {
  return { maxFramerate, scaleResolutionDownBy }
}
