import { type ChildProcess, spawn } from 'node:child_process'
import { pin } from '../../chat/machine/cores.ts'

/** Takes whatever comes, and counts. As text, so that it needs no file of its own beside the bundle. */
const program = `
  const { createServer } = require('node:http')
  let count = 0
  const server = createServer((incoming, outgoing) => {
    incoming.resume()
    incoming.on('end', () => { count++; outgoing.writeHead(204); outgoing.end() })
  })
  server.keepAliveTimeout = 60000
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send({ count, cpuSeconds: (user + system) / 1e6 })
  })
`

export interface ReceiverState {
  count: number
  cpuSeconds: number
}

/** A customer's server in a process of its own, on the generator's cores. */
export class BenchReceiver {
  readonly url: string
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.url = `http://127.0.0.1:${port}`
  }

  static async start(cores: string): Promise<BenchReceiver> {
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const { port } = await answerOf<{ port: number }>(child)
    if (child.pid !== undefined) pin(child.pid, cores)
    return new BenchReceiver(child, port)
  }

  async state(): Promise<ReceiverState> {
    const answer = answerOf<ReceiverState>(this.#child)
    this.#child.send('state')
    return answer
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await ended
  }
}

function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error('the receiver ended'))
    child.once('exit', ended)
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve(message as T)
    })
  })
}
