import { readdirSync, readFileSync } from 'node:fs'

/** Media workers that this test process started. */
export function mediaWorkers(): number[] {
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name)
    if (!Number.isInteger(pid)) return []
    try {
      const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
      const isWorker = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('sfu')
      return parent === process.pid && isWorker ? [pid] : []
    } catch {
      return [] // It has ended meanwhile.
    }
  })
}
