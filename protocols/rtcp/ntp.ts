import type { NtpTime } from './packet.ts'

const SECONDS_FROM_1900_TO_1970 = 2_208_988_800

/** Milliseconds since 1970 as NTP time. */
export function toNtp(unixMs: number): NtpTime {
  const seconds = Math.floor(unixMs / 1000)
  const fraction = Math.floor(((unixMs - seconds * 1000) / 1000) * 2 ** 32)
  return { seconds: (seconds + SECONDS_FROM_1900_TO_1970) % 2 ** 32, fraction }
}

/** The middle 32 bits, as report blocks carry them: units of 1/65536 s. */
export function compactNtp(ntp: NtpTime): number {
  return (((ntp.seconds & 0xffff) << 16) | (ntp.fraction >>> 16)) >>> 0
}

/**
 * Round trip in milliseconds from a report block that arrived at `now` (RFC 3550 section 6.4.1); undefined when the
 * block answers no sender report.
 */
export function roundTripMs(
  block: { readonly lastSenderReport: number; readonly delaySinceLastSenderReport: number },
  now: NtpTime,
): number | undefined {
  if (block.lastSenderReport === 0) return undefined
  const units = (compactNtp(now) - block.lastSenderReport - block.delaySinceLastSenderReport) | 0
  return Math.max(0, (units * 1000) / 65_536)
}
