export { type RtcSettings, rtcSettings } from './config.ts'
export { createRtc } from './module.ts'
export type { RtcPorts } from './ports.ts'
export type { RtcService } from './service.ts'
