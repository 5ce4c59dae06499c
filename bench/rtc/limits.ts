import { loadFastpath } from '@parley/fastpath'
import { audioPayloadBytes, videoPayloadBytes } from './load/stamped-packet.ts'

/** What one core can do at most: sealing (AEAD_AES_128_GCM) and sending to one loopback socket, without any logic. */
export interface Limits {
  /** Packets a CPU-second of the load's mix of sizes. */
  sealOnly: number
  sendto: number
  sendmmsg: number
  /** As sendmmsg, with AES128_CM_SHA1_80. */
  counterMode: number
}

/** 135 video packets and 50 audio packets a second. */
const videoShare = 135 / 185

export async function measureLimits(quick: boolean): Promise<Limits> {
  const addon = await loadFastpath()
  const count = quick ? 50_000 : 150_000
  const rate = (
    profile: 'AEAD_AES_128_GCM' | 'AES128_CM_SHA1_80',
    send: 'none' | 'sendto' | 'sendmmsg',
  ): number => {
    const cost = (bytes: number): number => addon.measureSeal(profile, bytes, count, send)
    return 1e9 / (videoShare * cost(videoPayloadBytes) + (1 - videoShare) * cost(audioPayloadBytes))
  }
  return {
    sealOnly: rate('AEAD_AES_128_GCM', 'none'),
    sendto: rate('AEAD_AES_128_GCM', 'sendto'),
    sendmmsg: rate('AEAD_AES_128_GCM', 'sendmmsg'),
    counterMode: rate('AES128_CM_SHA1_80', 'sendmmsg'),
  }
}
