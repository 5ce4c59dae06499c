export * from './frozen-thread.ts'

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Media worker processes that this process started, on Linux. */
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

/** The one of them that receives on a UDP port. @throws Error when there is none */
export function mediaWorkerOn(port: number): number {
  const pid = mediaWorkers().find((one) => udpPorts(one).includes(port))
  if (pid === undefined) throw new Error(`no media worker receives on port ${port}`)
  return pid
}

function udpPorts(pid: number): number[] {
  const folder = `/proc/${pid}/fd`
  const targets = readdirSync(folder).map((fd) => readlinkSync(`${folder}/${fd}`))
  const inodes = new Set(targets.map((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1]))
  return readFileSync(`/proc/${pid}/net/udp`, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => inodes.has(fields[9]))
    .map((fields) => Number.parseInt(fields[1]?.split(':')[1] ?? '', 16))
}
