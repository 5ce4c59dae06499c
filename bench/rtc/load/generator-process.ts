import { type ChildProcess, fork } from 'node:child_process'
import { Generator } from './generator.ts'

type Arguments<Method> = Method extends (...values: infer Values) => unknown ? Values : never
type Answer<Method> = Method extends (...values: never[]) => infer Value ? Awaited<Value> : never

interface Request {
  id: number
  name: string
  values: unknown[]
}
interface Reply {
  id: number
  value?: unknown
  error?: string
}

export const generatorFlag = '--generator'

/** A process that makes load, by the methods of what it serves; it ends with the one that started it. */
export class GeneratorProcess<Served extends object = Generator> {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  #lastId = 0

  /** `flag`: by which the program knows what to serve. */
  constructor(flag = generatorFlag) {
    const [, program = ''] = process.argv
    this.#child = fork(program, [flag])
    this.#child.on('message', ({ id, value, error }: Reply) => {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) waiting?.resolve(value)
      else waiting?.reject(new Error(error))
    })
    this.#child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('a generator process ended'))
      this.#waiting.clear()
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  call<Name extends keyof Served & string>(
    name: Name,
    ...values: Arguments<Served[Name]>
  ): Promise<Answer<Served[Name]>> {
    const id = ++this.#lastId
    const request: Request = { id, name, values }
    return new Promise<Answer<Served[Name]>>((resolve, reject) => {
      this.#waiting.set(id, { resolve: (value) => resolve(value as Answer<Served[Name]>), reject })
      this.#child.send(request)
    })
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) resolve()
      else {
        this.#child.once('exit', () => resolve())
        this.#child.kill('SIGKILL')
      }
    })
  }
}

/** The other side: does what it is told until its parent goes. */
export function runGenerator(generator: object = new Generator()): void {
  process.on('disconnect', () => process.exit(0))
  process.on('SIGINT', () => undefined)
  process.on('message', async ({ id, name, values }: Request) => {
    let reply: Reply
    try {
      const method: (...args: unknown[]) => unknown = Reflect.get(generator, name)
      reply = { id, value: await method.apply(generator, values) }
    } catch (error) {
      reply = { id, error: error instanceof Error ? error.message : String(error) }
    }
    process.send?.(reply)
  })
}

/** How many of `count` fall to one of so many processes. */
export const shareOf = (count: number, processes: number, index: number): number =>
  Math.floor((count * (index + 1)) / processes) - Math.floor((count * index) / processes)
