import type { SrtpProfile } from './events.ts'
import { Host } from './host.ts'
import type { CorePacket, NativeAddon, NativeCore } from './native.ts'
import type { CoreOptions } from './options.ts'
import type { WorkerStats } from './stats.ts'

/**
 * The packet path without sockets, threads or a clock: time and datagrams come in by `step`, datagrams
 * and events go out. Microseconds, never backwards. For tests and simulations.
 */
export class FastpathCore extends Host {
  readonly native: NativeCore

  constructor(addon: NativeAddon, options: CoreOptions = {}) {
    super()
    this.native = addon.createCore(options)
  }

  /** Handles the packets, fires what is due at `nowUs`, emits the events, and returns what would be sent. */
  step(nowUs: number, packets: readonly CorePacket[] = []): CorePacket[] {
    const result = this.native.step(nowUs, packets)
    this.dispatch(result.events)
    return result.packets
  }

  stats(): WorkerStats {
    return this.native.stats()
  }

  /** Master key and salt of each direction, once connected. For test peers only. */
  srtpKeys(transport: number): { profile: SrtpProfile; local: Uint8Array; remote: Uint8Array } | undefined {
    return this.native.srtpKeys(transport)
  }

  close(): void {
    this.finishAll()
    this.native.close()
  }
}
