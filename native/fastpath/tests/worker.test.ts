import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import {
  createWorker,
  ensureFastpath,
  type FastpathWorker,
  loadFastpath,
  type Transport,
  type WorkerOptions,
} from '../src/index.ts'
import { writeBinding } from './simulation.ts'

const built = await ensureFastpath()
const reason = 'unavailable' in built ? built.unavailable : ''

describe.skipIf(reason !== '')('the worker, on real sockets', () => {
  const open: FastpathWorker[] = []
  const start = async (options: WorkerOptions) => {
    const worker = await createWorker(options)
    open.push(worker)
    return worker
  }
  afterEach(() => Promise.all(open.splice(0).map((worker) => worker.close())))

  const request = (transport: Transport) =>
    writeBinding({ username: `${transport.iceUfrag}:x`, password: transport.icePwd, useCandidate: true })

  const overUdp = (family: 'udp4' | 'udp6', address: string, port: number, bytes: Uint8Array) =>
    new Promise<Buffer>((resolve) => {
      const socket = createSocket(family)
      socket.once('message', (data) => {
        socket.close()
        resolve(data)
      })
      socket.send(bytes, port, address)
    })

  it('FAST-53: UDP on IPv4 and IPv6 and TCP answer on one port', async () => {
    const worker = await start({ addresses: ['127.0.0.1', '::1'] })
    const addon = await loadFastpath()
    const transport = worker.createTransport()
    const answers = [
      await overUdp('udp4', '127.0.0.1', worker.port, request(transport)),
      await overUdp('udp6', '::1', worker.port, request(transport)),
      await new Promise<Buffer>((resolve, reject) => {
        const socket = connect(worker.port, '127.0.0.1', () => {
          const bytes = request(transport)
          // Cut in three, to cross frame boundaries.
          const framed = Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes])
          socket.write(framed.subarray(0, 1))
          setImmediate(() => {
            socket.write(framed.subarray(1, 30))
            setImmediate(() => socket.write(framed.subarray(30)))
          })
        })
        socket.once('error', reject)
        socket.once('data', (data) => {
          socket.destroy()
          expect(data.readUInt16BE(0)).toBe(data.length - 2)
          resolve(data.subarray(2))
        })
      }),
    ]
    for (const answer of answers) {
      expect(addon.checkStun(answer, transport.icePwd)).toMatchObject({
        type: 0x101,
        integrity: true,
        fingerprint: true,
      })
    }
    const stats = await worker.stats()
    expect(stats.transports).toMatchObject([{ stunRequests: 3, stunRejected: 0 }])
  })

  it('FAST-53: a TCP frame of impossible size ends that connection only', async () => {
    const worker = await start({ addresses: ['127.0.0.1'] })
    await new Promise<void>((resolve, reject) => {
      const socket = connect(worker.port, '127.0.0.1', () => socket.write(Buffer.alloc(64, 0xff)))
      socket.once('close', () => resolve())
      socket.once('error', reject)
    })
    const transport = worker.createTransport()
    expect((await overUdp('udp4', '127.0.0.1', worker.port, request(transport))).length).toBeGreaterThan(20)
  })

  it('FAST-54: a taken port and a foreign address throw', async () => {
    const worker = await start({ addresses: ['127.0.0.1'] })
    await expect(createWorker({ addresses: ['127.0.0.1'], port: worker.port })).rejects.toThrow(/in use/)
    await expect(createWorker({ addresses: ['198.51.100.1'] })).rejects.toThrow(/198\.51\.100\.1/)
    await expect(createWorker({ addresses: ['no-address'] })).rejects.toThrow(/not an IP address/)
    await expect(createWorker({ addresses: [] })).rejects.toThrow(/no address/)
  })

  it('FAST-55: close tells the transports, is idempotent and frees the port', async () => {
    const worker = await start({ addresses: ['127.0.0.1'] })
    const transport = worker.createTransport()
    const reasons: string[] = []
    transport.on('closed', ({ reason: why }) => reasons.push(why))
    await Promise.all([worker.close(), worker.close()])
    expect(reasons).toEqual(['worker-closed'])
    expect(transport.closed).toBe(true)
    await expect(worker.stats()).rejects.toThrow(/closed/)
    const again = await start({ addresses: ['127.0.0.1'], port: worker.port })
    expect(again.port).toBe(worker.port)
  })

  it('FAST-56: concurrent builds give one addon', async () => {
    const [one, two] = await Promise.all([ensureFastpath(), ensureFastpath()])
    expect(one).toEqual(two)
  })

  it('FAST-2: a flood of spoofed and malformed datagrams leaves the worker answering', async () => {
    const worker = await start({ addresses: ['127.0.0.1'] })
    const transport = worker.createTransport()
    const socket = createSocket('udp4')
    for (let n = 0; n < 5000; n++) {
      const bytes = Buffer.alloc((n * 7) % 300, n & 255)
      await new Promise((resolve) => socket.send(bytes, worker.port, '127.0.0.1', resolve))
    }
    socket.close()
    expect((await overUdp('udp4', '127.0.0.1', worker.port, request(transport))).length).toBeGreaterThan(20)
    const stats = await worker.stats()
    expect(stats.strayPackets + stats.stunErrors).toBeGreaterThan(1000)
    // The answer to the one true request, and its copies (FAST-150).
    expect(stats.packetsSent).toBe(3)
  })
})
