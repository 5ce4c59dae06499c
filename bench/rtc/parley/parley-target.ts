import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServerProcess, startServerProcess } from '@parley/testing/server-process'
import { pin } from '../../chat/machine/cores.ts'
import { familyOf } from '../../chat/machine/processes.ts'
import type { DoorAddress } from '../load/door.ts'
import { raisePriority } from '../priority.ts'
import type { SfuTarget } from '../target.ts'

/** The built server with its embedded PostgreSQL and its media workers: one, unless more are asked for. */
export class ParleyTarget implements SfuTarget {
  readonly name = 'parley'
  readonly #dataDir: string
  readonly #server: ServerProcess
  readonly #mediaCores: readonly string[]
  /** The core of each media worker that ran at the last look. */
  readonly #workers = new Map<number, string>()
  #controlPids: number[] = []

  private constructor(dataDir: string, server: ServerProcess, mediaCores: string, otherCores: string) {
    this.#dataDir = dataDir
    this.#server = server
    this.#mediaCores = mediaCores.split(',')
    this.look()
    // With the priority of the generators: a server that waits for its turn behind them takes its workers for silent.
    for (const pid of this.#controlPids) {
      pin(pid, otherCores)
      raisePriority(pid)
    }
    if (this.#workers.size === 0) throw new Error('the server started no media worker')
  }

  /** `cores`: of the media workers, one each by commas. `settings`: of the server. */
  static async start(
    cores: string,
    otherCores: string,
    settings: Record<string, string> = {},
  ): Promise<ParleyTarget> {
    const dataDir = mkdtempSync(join(tmpdir(), 'parley-bench-rtc-'))
    const server = await startServerProcess({
      dataDir,
      env: {
        ...{ PARLEY_MEDIA_ADDRESSES: '127.0.0.1', PARLEY_RTC_WORKERS: '1', PARLEY_LOG_LEVEL: 'warn' },
        // What full workers do is measured, too.
        PARLEY_RTC_WORKER_FULL_PERCENT: '100',
        PARLEY_GATEWAY_DRAIN_MS: '0',
        ...settings,
      },
    }).catch((error: unknown) => {
      rmSync(dataDir, { recursive: true, force: true })
      throw error
    })
    return new ParleyTarget(dataDir, server, cores, otherCores)
  }

  get mediaPid(): number {
    return this.mediaPids[0] ?? 0
  }

  /** Those that ran at the last look. */
  get mediaPids(): readonly number[] {
    return [...this.#workers.keys()]
  }

  get controlPids(): number[] {
    return this.#controlPids
  }

  /**
   * Looks who runs: the server replaces workers that end, and new ones get their cores. Returns how many ended since the last
   * look.
   */
  look(): number {
    const family = familyOf(this.#server.pid)
    const media = family.filter((pid) => commandLineOf(pid).includes('sfu.js'))
    const ended = [...this.#workers.keys()].filter((pid) => !media.includes(pid))
    for (const pid of ended) this.#workers.delete(pid)
    for (const pid of media) {
      if (this.#workers.has(pid)) continue
      const taken = [...this.#workers.values()]
      const [first = ''] = this.#mediaCores
      const core = this.#mediaCores.find((one) => !taken.includes(one)) ?? first
      this.#workers.set(pid, core)
      pin(pid, core)
      raisePriority(pid)
    }
    this.#controlPids = family.filter((pid) => !media.includes(pid))
    return ended.length
  }

  door(audience: string): DoorAddress {
    const { url, key } = this.#server
    return { kind: 'parley', url, roomId: 'bench', keyId: key.keyId, keySecret: key.keySecret, audience }
  }

  async close(): Promise<void> {
    await this.#server.stop()
    rmSync(this.#dataDir, { recursive: true, force: true })
  }
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    return ''
  }
}
