import { readdirSync, readFileSync } from 'node:fs'
import { mediaWorkers } from '@parley/testing/media-workers'

/** What a server and its media workers hold at one moment. */
export interface Holdings {
  rooms: number
  participants: number
  transports: number
  tracks: number
  streams: number
  /** Workers that ended and were started again, since the beginning. */
  restarts: number
  /** Sockets and files of the workers. */
  handles: number
  /** Of all workers together. */
  residentMb: number
  /** Timers of this process, in which the server runs, too. */
  timers: number
  sockets: number
  heapMb: number
}

/** Reads what is held now, on Linux. Counts of the packet paths are at most two seconds old. */
export async function holdings(url: string): Promise<Holdings> {
  const page = await (await fetch(new URL('/metrics', url))).text()
  const gauge = (name: string): number =>
    Number(new RegExp(`^parley_${name}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(page)?.[1] ?? Number.NaN)
  const workers = mediaWorkers()
  const resident = workers.map((pid) =>
    Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0),
  )
  const resources = process.getActiveResourcesInfo()
  return {
    rooms: gauge('rtc_rooms'),
    participants: gauge('rtc_participants'),
    transports: gauge('rtc_transports'),
    tracks: gauge('rtc_tracks'),
    streams: gauge('rtc_streams'),
    restarts: gauge('rtc_worker_restarts_total'),
    handles: workers.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0),
    residentMb: Math.round(resident.reduce((sum, kb) => sum + kb, 0) / 1024),
    timers: resources.filter((name) => name === 'Timeout').length,
    sockets: resources.filter((name) => /^(UDP|TCP)/i.test(name)).length,
    heapMb: Math.round(process.memoryUsage().heapUsed / 2 ** 20),
  }
}
