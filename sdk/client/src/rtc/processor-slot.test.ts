import { expect, test } from 'vitest'
import { ProcessorSlot } from './processor-slot.ts'
import type { ProcessorContext, ProcessorFailure, TrackProcessor } from './track-processor.ts'

const track = (name: string) =>
  Object.assign(new EventTarget(), { label: name }) as unknown as MediaStreamTrack

class Doubler implements TrackProcessor {
  readonly kind = 'audio'
  readonly name = 'doubler'
  readonly log: string[] = []
  context: ProcessorContext | undefined
  outcome: Promise<void> = Promise.resolve()

  async start(input: MediaStreamTrack, context: ProcessorContext) {
    this.log.push(`start ${input.label}`)
    this.context = context
    await this.outcome
    return track(`${input.label}${input.label}`)
  }

  close() {
    this.log.push('close')
  }
}

function slotWith(processor: TrackProcessor) {
  const failures: ProcessorFailure[] = []
  const slot = new ProcessorSlot('microphone', (failure) => failures.push(failure))
  slot.set(processor)
  return { slot, failures }
}

test('RTC-120: an input is processed once, another one anew, and without a processor nothing changes', async () => {
  const processor = new Doubler()
  const { slot } = slotWith(processor)
  const [a, b] = [track('a'), track('b')]
  const first = await slot.process(a)
  expect(first.label).toBe('aa')
  expect(await slot.process(a)).toBe(first)
  expect((await slot.process(b)).label).toBe('bb')
  slot.stopFor(a)
  expect(processor.log).toEqual(['start a', 'start b'])
  slot.set(undefined)
  slot.stop()
  expect(await slot.process(b)).toBe(b)
  expect(processor.log).toEqual(['start a', 'start b', 'close'])
})

test('RTC-120: a processor that does not start is told, passed over, and tried with the next input', async () => {
  const processor = new Doubler()
  const { slot, failures } = slotWith(processor)
  const [a, b] = [track('a'), track('b')]
  processor.outcome = Promise.reject(new Error('no'))
  expect(await slot.process(a)).toBe(a)
  expect(await slot.process(a)).toBe(a)
  expect(failures).toMatchObject([{ processor, source: 'microphone', error: { message: 'no' } }])
  processor.outcome = Promise.resolve()
  expect((await slot.process(b)).label).toBe('bb')
  expect(processor.log).toEqual(['start a', 'close', 'start b'])
})

test('RTC-120: one that fails later, or whose output ends, gives way to the input; old ones are not heard', async () => {
  const processor = new Doubler()
  const { slot, failures } = slotWith(processor)
  const [a, b] = [track('a'), track('b')]
  await slot.process(a)
  const { context } = processor
  const output = await slot.process(b)
  context?.fail(new Error('late'))
  expect(failures).toEqual([])
  output.dispatchEvent(new Event('ended'))
  expect(slot.outputOf(b)).toBe(b)
  expect(failures).toHaveLength(1)
})

test('RTC-120: stopped while it starts, nothing of it is sent', async () => {
  const processor = new Doubler()
  const { slot, failures } = slotWith(processor)
  const a = track('a')
  const processed = slot.process(a)
  slot.stop()
  expect(await processed).toBe(a)
  expect(slot.outputOf(a)).toBe(a)
  expect(failures).toEqual([])
})
