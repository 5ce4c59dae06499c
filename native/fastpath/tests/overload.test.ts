import { type ChildProcess, fork } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { createWorker, ensureFastpath, type FastpathWorker } from '../src/index.ts'
import { writeBinding } from './simulation.ts'

const built = await ensureFastpath()
const reason = 'unavailable' in built ? built.unavailable : ''
const addonPath = 'path' in built ? built.path : ''

describe.skipIf(reason !== '')('a worker under load', () => {
  const open: FastpathWorker[] = []
  const children: ChildProcess[] = []
  const start = async () => {
    const worker = await createWorker({ addresses: ['127.0.0.1'] })
    open.push(worker)
    return worker
  }
  /** A worker in another process, with what its packet thread tells by itself. */
  const startElsewhere = async () => {
    const child = fork(fileURLToPath(new URL('busy-worker.mjs', import.meta.url)), [addonPath], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
    })
    children.push(child)
    const pulse: number[] = []
    ;(child.stdio[4] as Readable).on('data', (bytes: Uint8Array) => pulse.push(...bytes))
    const next = async <T>(type: string): Promise<T> => {
      for (;;) {
        const [message] = (await once(child, 'message')) as [{ type: string } & T]
        if (message.type === type) return message
      }
    }
    const { port, fingerprint } = await next<{ port: number; fingerprint: string }>('started')
    return { child, pulse, next, port, fingerprint }
  }
  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await Promise.all(open.splice(0).map((worker) => worker.close()))
  })

  it('FAST-135: the packet thread tells that it gets on while JavaScript stands still', async () => {
    const { child, pulse, next } = await startElsewhere()
    child.send({ type: 'stand-still', ms: 60_000 })
    await next('standing')
    const before = pulse.length
    while (pulse.length < before + 8) await sleep(50)
    for (const percent of pulse) expect(percent).toBeLessThanOrEqual(100)
  }, 30_000)

  it('FAST-136: time that the packet thread does not wait counts as busy', async () => {
    const worker = await start()
    const transports = Array.from({ length: 2_000 }, () => worker.createTransport())
    const share = async (during: () => Promise<unknown>) => {
      const before = { ...(await worker.stats()), at: performance.now() }
      await during()
      const after = { ...(await worker.stats()), at: performance.now() }
      return (after.busyMicroseconds - before.busyMicroseconds) / 1_000 / (after.at - before.at)
    }
    const idle = await share(() => sleep(1_000))
    const loaded = await share(async () => {
      for (let round = 0; round < 20; round++) await worker.stats()
    })
    expect(idle).toBeGreaterThanOrEqual(0)
    expect(loaded).toBeGreaterThan(idle)
    expect(loaded).toBeLessThanOrEqual(1)
    expect(transports.some(({ closed }) => closed)).toBe(false)
  }, 30_000)

  it('FAST-137: packets take turns with commands that wait', async () => {
    const worker = await start()
    const order: string[] = []
    const first = worker.createTransport()
    first.once('path.selected', () => order.push('packet'))
    const socket = createSocket('udp4')
    const binding = writeBinding({
      ...{ username: `${first.iceUfrag}:x`, password: first.icePwd, useCandidate: true },
    })
    // Bound before, so that sending takes no further turn of the event loop.
    await new Promise<void>((resolve) => socket.connect(worker.port, '127.0.0.1', resolve))
    const refused = new Promise<void>((resolve) => {
      worker.once('command.failed', () => {
        order.push('last command')
        resolve()
      })
    })
    const track = first.createTrack({
      ...{ kind: 'audio', mid: '0', extensions: {} },
      payloads: [{ payloadType: 111, codec: 'opus', clockRate: 48_000 }],
    })
    const streams = Array.from({ length: 1_000 }, () =>
      first.createStream(track, {
        ...{ kind: 'audio', extensions: {}, payloads: [{ from: 111, payloadType: 111 }] },
      }),
    )
    await worker.stats()
    const ids = Uint32Array.from({ length: 100_000 }, (_, index) => streams[index % 1_000]?.id ?? 0)
    for (let count = 0; count < 300; count++) worker.native.setPaused(ids, count % 2 === 0)
    worker.native.createTransport(first.id, { iceUfrag: 'taken', icePwd: 'x'.repeat(24) })
    socket.send(binding)
    await refused
    await worker.stats()
    socket.close()
    expect(order).toEqual(['packet', 'last command'])
  }, 60_000)

  it('FAST-138: what loses its worth by waiting does not pile up before a JavaScript thread that stands still', async () => {
    const there = await startElsewhere()
    const here = await start()
    const connected = there.next('connected')
    there.child.send({
      ...{ type: 'connect', fingerprint: here.fingerprint },
      peer: { address: '127.0.0.1', port: here.port },
    })
    const transport = here.createTransport({ peer: { address: '127.0.0.1', port: there.port } })
    transport.setRemote({ dtlsRole: 'client', fingerprints: [there.fingerprint] })
    await connected
    there.child.send({ type: 'stand-still', ms: 4_000 })
    await there.next('standing')
    const bytes = new Uint8Array(1_000)
    const sent = 24_000
    for (let count = 0; count < sent; count++) {
      transport.sendData(bytes)
      if (count % 100 === 0) await sleep(5)
    }
    transport.close()
    const counted = there.next<{ received: number; ends: number; eventsDropped: number }>('counts')
    there.child.send({ type: 'count' })
    const { received, ends, eventsDropped } = await counted
    expect(eventsDropped).toBeGreaterThan(0)
    expect(received).toBeGreaterThan(0)
    // 8 MiB of events, of which each has 1,000 bytes of data in it.
    expect(received).toBeLessThan(9_000)
    expect(received + eventsDropped).toBeLessThanOrEqual(sent)
    expect(ends).toBe(1)
  }, 60_000)
})
