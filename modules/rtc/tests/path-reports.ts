import type { NativeEvent } from '@parley/fastpath'

export type SentReport = { sequence: number; sizeBytes: number; atUs: number }

/** What the packet thread reports of a transport: packets that left, or RTCP that came. */
export type Report = { transport: number; atUs: number } & (
  | { sent: readonly SentReport[] }
  | { rtcp: Uint8Array }
)

/** The reports as the packet thread hands them over. */
export function reported(reports: readonly Report[]): NativeEvent {
  const sizes = reports.map((report) => ('rtcp' in report ? report.rtcp.length : report.sent.length * 16))
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + 16 + Math.ceil(size / 8) * 8, 0))
  const words = new Uint32Array(bytes.buffer)
  const times = new Float64Array(bytes.buffer)
  let at = 0
  reports.forEach((report, index) => {
    const size = sizes[index] ?? 0
    words[at / 4] = report.transport
    words[at / 4 + 1] = 'rtcp' in report ? size + 2 ** 31 : size
    times[at / 8 + 1] = report.atUs
    if ('rtcp' in report) bytes.set(report.rtcp, at + 16)
    else {
      report.sent.forEach(({ sequence, sizeBytes, atUs }, packet) => {
        words[at / 4 + 4 + packet * 4] = sequence
        words[at / 4 + 5 + packet * 4] = sizeBytes
        times[at / 8 + 3 + packet * 2] = atUs
      })
    }
    at += 16 + Math.ceil(size / 8) * 8
  })
  return { type: 'paths.reported', bytes }
}
