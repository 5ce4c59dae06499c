import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pin } from '../../chat/machine/cores.ts'
import { freePort } from '../../chat/machine/profiler.ts'
import type { DoorAddress } from '../load/door.ts'
import type { SfuTarget } from '../target.ts'
import { writeJanusConfig } from './janus-config.ts'
import { JanusDoor } from './janus-door.ts'

const program = '/usr/bin/janus'
const startWithinMs = 15_000

export const janusInstalled = (): boolean => existsSync(program)

/** Debian's janus with its videoroom, from a configuration of its own in the temporary folder. */
export class JanusTarget implements SfuTarget {
  readonly name = 'janus'
  readonly #folder = mkdtempSync(join(tmpdir(), 'parley-bench-janus-'))
  readonly #child: ChildProcess
  readonly #port: number

  private constructor(port: number) {
    this.#port = port
    writeJanusConfig(this.#folder, port)
    this.#child = spawn(program, ['-F', this.#folder, '-C', join(this.#folder, 'janus.jcfg')], {
      cwd: this.#folder,
      stdio: 'ignore',
    })
  }

  static async start(core: string): Promise<JanusTarget> {
    const target = new JanusTarget(await freePort())
    try {
      await target.#ready(performance.now() + startWithinMs)
      pin(target.mediaPid, core)
      return target
    } catch (error) {
      await target.close()
      throw error
    }
  }

  get mediaPid(): number {
    return this.#child.pid ?? 0
  }

  get controlPids(): number[] {
    return []
  }

  door(): DoorAddress {
    return { kind: 'janus', url: `ws://127.0.0.1:${this.#port}`, roomId: 1_000 }
  }

  async close(): Promise<void> {
    const child = this.#child
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await ended
      clearTimeout(timer)
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #ready(deadline: number): Promise<void> {
    for (;;) {
      try {
        const door = await JanusDoor.open({
          kind: 'janus',
          url: `ws://127.0.0.1:${this.#port}`,
          roomId: 1_000,
        })
        await door.createRoom()
        door.close()
        return
      } catch (error) {
        if (this.#child.exitCode !== null || performance.now() > deadline) {
          throw new Error('janus did not start', { cause: error })
        }
        await sleep(100)
      }
    }
  }
}
