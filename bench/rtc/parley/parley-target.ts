import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServerProcess, startServerProcess } from '@parley/testing/server-process'
import { pin } from '../../chat/machine/cores.ts'
import { familyOf } from '../../chat/machine/processes.ts'
import type { DoorAddress } from '../load/door.ts'
import type { SfuTarget } from '../target.ts'

/** The built server with its embedded PostgreSQL and its media workers: one, unless more are asked for. */
export class ParleyTarget implements SfuTarget {
  readonly name = 'parley'
  readonly mediaPid: number
  readonly mediaPids: readonly number[]
  readonly controlPids: number[]
  readonly #dataDir: string
  readonly #server: ServerProcess

  private constructor(dataDir: string, server: ServerProcess) {
    this.#dataDir = dataDir
    this.#server = server
    const family = familyOf(server.pid)
    this.mediaPids = family.filter((pid) => commandLineOf(pid).includes('sfu.js'))
    const [mediaPid] = this.mediaPids
    if (mediaPid === undefined) throw new Error('the server started no media worker')
    this.mediaPid = mediaPid
    this.controlPids = family.filter((pid) => !this.mediaPids.includes(pid))
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
    const target = new ParleyTarget(dataDir, server)
    for (const pid of target.controlPids) pin(pid, otherCores)
    const each = cores.split(',')
    for (const [index, pid] of target.mediaPids.entries()) pin(pid, each[index % each.length] ?? cores)
    return target
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
