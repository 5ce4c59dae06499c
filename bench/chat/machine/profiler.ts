import { createServer } from 'node:net'
import { WebSocket } from 'ws'

interface ProfileNode {
  id: number
  callFrame: { functionName: string; url: string; lineNumber: number }
  hitCount?: number
}
interface Profile {
  nodes: ProfileNode[]
  samples: number[]
  timeDeltas: number[]
}

/** Speaks to the inspector of a server that runs with `--inspect`. */
export class Profiler {
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (result: unknown) => void>()
  #id = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data) => {
      const { id, result } = JSON.parse(String(data)) as { id?: number; result?: unknown }
      if (id === undefined) return
      this.#waiting.get(id)?.(result)
      this.#waiting.delete(id)
    })
  }

  static async attach(port: number): Promise<Profiler> {
    const response = await fetch(`http://127.0.0.1:${port}/json/list`)
    const [target] = (await response.json()) as { webSocketDebuggerUrl: string }[]
    if (target === undefined) throw new Error('the server has no inspector')
    const socket = new WebSocket(target.webSocketDebuggerUrl, { maxPayload: 1 << 30 })
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    return new Profiler(socket)
  }

  async collectGarbage(): Promise<void> {
    await this.#call('HeapProfiler.enable')
    await this.#call('HeapProfiler.collectGarbage')
    await this.#call('HeapProfiler.disable')
  }

  async start(): Promise<void> {
    await this.#call('Profiler.enable')
    await this.#call('Profiler.setSamplingInterval', { interval: 500 })
    await this.#call('Profiler.start')
  }

  /** Own time by function, most first, and the profile as `.cpuprofile` wants it. */
  async stop(): Promise<{ json: string; top: { name: string; share: number }[] }> {
    const { profile } = (await this.#call('Profiler.stop')) as { profile: Profile }
    return { json: JSON.stringify(profile), top: topOf(profile) }
  }

  close(): void {
    this.#socket.terminate()
  }

  #call(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#id
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.#socket.send(JSON.stringify({ id, method, params }))
    })
  }
}

function topOf({ nodes, samples, timeDeltas }: Profile): { name: string; share: number }[] {
  const names = new Map(
    nodes.map(({ id, callFrame }) => {
      const place = callFrame.url.split('/').slice(-2).join('/')
      return [id, `${callFrame.functionName || '(anonymous)'} ${place}:${callFrame.lineNumber + 1}`]
    }),
  )
  const own = new Map<string, number>()
  let total = 0
  samples.forEach((id, index) => {
    const delta = timeDeltas[index] ?? 0
    const name = names.get(id) ?? '?'
    total += delta
    own.set(name, (own.get(name) ?? 0) + delta)
  })
  return [...own]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 40)
    .map(([name, time]) => ({ name, share: time / total }))
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
