import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createWeakNetwork, createWeakStreamNetwork, type WeakNetworkOptions } from './index.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function udpSocket(): Promise<Socket> {
  const socket = createSocket('udp4')
  closers.push(() => socket.close())
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

/** An echo server behind a relay, and a client that sends numbers through it. */
async function echoThrough(options: Omit<WeakNetworkOptions, 'target'>) {
  const server = await udpSocket()
  const sources = new Set<number>()
  server.on('message', (datagram, from) => {
    sources.add(from.port)
    server.send(datagram, from.port, from.address)
  })
  const relay = await createWeakNetwork({ ...options, target: server.address() })
  closers.push(() => relay.close())
  const open = async () => {
    const socket = await udpSocket()
    const echoed: number[] = []
    socket.on('message', (datagram) => echoed.push(datagram.readUInt32BE(0)))
    const send = (value: number) => {
      const datagram = Buffer.alloc(100)
      datagram.writeUInt32BE(value)
      socket.send(datagram, relay.port, relay.address)
    }
    return { echoed, send }
  }
  return { relay, sources, open }
}

const range = (count: number) => Array.from({ length: count }, (_, index) => index)

describe('datagrams', () => {
  test('a network without impairment carries everything, a socket upstream for each client', async () => {
    const { relay, sources, open } = await echoThrough({})
    const clients = await Promise.all([open(), open(), open()])
    for (const client of clients) for (const value of range(20)) client.send(value)
    await vi.waitFor(() => expect(clients.map(({ echoed }) => echoed.length)).toEqual([20, 20, 20]))
    expect(clients[0]?.echoed).toEqual(range(20))
    expect(sources.size).toBe(3)
    expect(relay.counters.up).toMatchObject({ received: 60, delivered: 60, receivedBytes: 6000, lost: 0 })
  })

  test('each way has its own loss, and one seed loses the same datagrams again', async () => {
    const survivors = async () => {
      const { relay, open } = await echoThrough({ up: { loss: 0.3 }, down: { loss: 0.1 }, seed: 42 })
      const client = await open()
      for (const value of range(300)) client.send(value)
      await vi.waitFor(() => expect(relay.counters.up.received).toBe(300))
      await vi.waitFor(() => {
        expect(relay.counters.down.received).toBe(relay.counters.up.delivered)
        expect(client.echoed).toHaveLength(relay.counters.down.delivered)
      })
      expect(relay.counters.up.lost).toBeGreaterThan(60)
      expect(relay.counters.up.lost).toBeLessThan(120)
      expect(relay.counters.down.lost).toBeGreaterThan(5)
      return client.echoed
    }
    expect(await survivors()).toEqual(await survivors())
  })

  test('delayed, jittered and duplicated datagrams all arrive, in order', async () => {
    const { relay, open } = await echoThrough({ up: { delayMs: 20, jitterMs: 20 }, down: { duplicate: 1 } })
    const client = await open()
    for (const value of range(50)) client.send(value)
    expect(client.echoed).toEqual([])
    await vi.waitFor(() => expect(client.echoed).toHaveLength(100))
    expect([...new Set(client.echoed)]).toEqual(range(50))
    expect(relay.counters.down.duplicated).toBe(50)
  })

  test('reordering changes the order and loses nothing', async () => {
    const { open } = await echoThrough({ up: { reorder: 0.3, reorderMs: 10 } })
    const client = await open()
    for (const value of range(100)) client.send(value)
    await vi.waitFor(() => expect(client.echoed).toHaveLength(100))
    expect(client.echoed).not.toEqual(range(100))
    expect([...client.echoed].sort((a, b) => a - b)).toEqual(range(100))
  })

  test('a full queue drops the tail', async () => {
    const { relay, open } = await echoThrough({ up: { rateKbps: 400, queueBytes: 1_000 } })
    const client = await open()
    for (const value of range(100)) client.send(value)
    await vi.waitFor(() => expect(relay.counters.up.received).toBe(100))
    await vi.waitFor(() => expect(client.echoed).toHaveLength(100 - relay.counters.up.overflowed))
    expect(relay.counters.up.overflowed).toBeGreaterThan(50)
    expect(client.echoed.slice(0, 10)).toEqual(range(10))
  })

  test('cut, heal, change and rebind while running', async () => {
    const { relay, sources, open } = await echoThrough({})
    const client = await open()
    relay.cut()
    client.send(1)
    await vi.waitFor(() => expect(relay.counters.up.cut).toBe(1))
    relay.heal()
    client.send(2)
    await vi.waitFor(() => expect(client.echoed).toEqual([2]))
    relay.change({ up: { loss: 1 } })
    client.send(3)
    await vi.waitFor(() => expect(relay.counters.up.lost).toBe(1))
    relay.change({ up: {} })
    relay.rebind()
    client.send(4)
    await vi.waitFor(() => expect(client.echoed).toEqual([2, 4]))
    expect(sources.size).toBe(2)
  })
})

describe('byte streams', () => {
  async function streamThrough(
    options: Parameters<typeof createWeakStreamNetwork>[0] extends infer O
      ? Omit<O & object, 'target'>
      : never,
  ) {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.pipe(socket)
      socket.on('error', () => {})
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    closers.push(() => new Promise((resolve) => server.close(resolve)))
    const relay = await createWeakStreamNetwork({ ...options, target: server.address() as AddressInfo })
    closers.push(() => relay.close())
    const client = connect({ host: relay.address, port: relay.port, allowHalfOpen: true })
    closers.push(() => client.destroy())
    const chunks: Buffer[] = []
    client.on('data', (chunk) => chunks.push(chunk))
    client.on('error', () => {})
    return { relay, client, received: () => Buffer.concat(chunks) }
  }

  test('delay and rate keep every byte and its order, and the end comes after it', async () => {
    const { client, received } = await streamThrough({
      up: { delayMs: 10, rateKbps: 20_000 },
      down: { jitterMs: 5 },
    })
    const sent = Buffer.from(range(400_000).map((value) => value % 251))
    client.end(sent)
    await once(client, 'end')
    expect(received().equals(sent)).toBe(true)
  })

  test('a cut holds bytes back until it heals, a reset destroys', async () => {
    const { relay, client, received } = await streamThrough({})
    client.write('one')
    await vi.waitFor(() => expect(received().toString()).toBe('one'))
    relay.cut()
    client.write('two')
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(received().toString()).toBe('one')
    relay.heal()
    await vi.waitFor(() => expect(received().toString()).toBe('onetwo'))
    expect(relay.connections).toBe(1)
    const closed = new Promise((resolve) => client.once('close', resolve))
    relay.reset()
    await closed
  })
})
