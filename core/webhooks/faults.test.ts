import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Installation, openInstallation, type Process, until } from './tests/installation.ts'
import { Receiver, type Reply } from './tests/receiver.ts'

let installation: Installation
let inside: Receiver
beforeAll(async () => {
  installation = await openInstallation()
  inside = await Receiver.start()
})
afterAll(async () => {
  await installation?.close()
  await inside?.close()
})

type Fault = 'error' | 'slow' | 'cut-before' | 'cut-after' | 'redirect'

/** `cut-after` has taken the event and never says so: it will come twice. */
function replyOf(fault: Fault, accept: () => void): Reply {
  switch (fault) {
    case 'error':
      return 500
    case 'slow':
      return () => undefined
    case 'cut-before':
      return (_response, incoming) => void incoming.socket.destroy()
    case 'cut-after':
      return (response) => {
        accept()
        response.socket?.destroy()
      }
    case 'redirect':
      return (response) => void response.writeHead(308, { location: inside.url }).end()
  }
}

type Step =
  | { kind: 'append'; resource: number; count: number }
  | { kind: 'kill' }
  | { kind: 'join' }
  | { kind: 'wait'; ms: number }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        resource: fc.nat({ max: 3 }),
        count: fc.integer({ min: 1, max: 6 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('kill' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('join' as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat({ max: 60 }) }),
    },
  ),
  { minLength: 6, maxLength: 16 },
)

/** Faults by the number of the request; at most three meet one event, so that none is given up. */
const faults: fc.Arbitrary<(Fault | undefined)[]> = fc.array(
  fc.option(fc.constantFrom<Fault>('error', 'slow', 'cut-before', 'cut-after', 'redirect'), {
    nil: undefined,
    freq: 2,
  }),
  { maxLength: 24 },
)

let run = 0

async function play(script: readonly Step[], trouble: readonly (Fault | undefined)[]): Promise<void> {
  const project = `proj_f${++run}`
  const receiver = await Receiver.start()
  let processes: Process[] = [await installation.start()]
  const first = (): Process => {
    const [process] = processes
    if (process === undefined) throw new Error('nobody is left')
    return process
  }
  const made = await first().call(project, 'POST', '/v1/webhooks', { url: receiver.url, events: ['*'] })
  receiver.secrets = [made.body.secret]
  const met = new Map<string, number>()
  let requests = 0
  receiver.reply = (event) => {
    const fault = trouble[requests++]
    const times = met.get(event.id) ?? 0
    if (fault === undefined || times >= 3) return 200
    met.set(event.id, times + 1)
    return replyOf(fault, () => receiver.accepted.push(event))
  }
  const expected = new Map<string, number>()
  try {
    for (const step of script) {
      if (step.kind === 'append') {
        const resource = `user/${step.resource}`
        await first().append(project, resource, step.count)
        expected.set(resource, (expected.get(resource) ?? 0) + step.count)
      } else if (step.kind === 'kill') {
        const [victim, ...rest] = processes
        await victim?.kill()
        processes = rest.length > 0 ? rest : [await installation.start()]
      } else if (step.kind === 'join') {
        if (processes.length < 3) processes.push(await installation.start())
      } else await new Promise((resolve) => setTimeout(resolve, step.ms))
    }
    const path = `/v1/webhooks/${made.body.id}`
    await until(() =>
      [...expected].every(([resource, count]) => receiver.numbersOf(resource).length >= count),
    )
    for (const [resource, count] of expected) {
      const upTo = Array.from({ length: count }, (_, index) => index + 1)
      expect(receiver.numbersOf(resource), resource).toEqual(upTo)
    }
    expect(receiver.unverified).toEqual([])
    expect(inside.received.length + inside.unverified.length).toBe(0)
    const dead = await first().call(project, 'GET', `${path}/deliveries?state=dead`)
    expect(dead.body.items).toEqual([])
  } finally {
    for (const process of processes) await process.close()
    await receiver.close()
  }
}

test('HOOK-1, HOOK-2, HOOK-15: whatever receiver and processes do, each event arrives, in order of its resource', async () => {
  await fc.assert(
    fc.asyncProperty(steps, faults, (script, trouble) => play(script, trouble)),
    { numRuns: 8, endOnFailure: true },
  )
}, 60_000)
