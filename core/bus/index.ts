export { type Bus, type BusHandler, busPayloadLimit, type Json } from './bus.ts'
export { InProcessBus } from './in-process-bus.ts'
export { PostgresBus } from './postgres-bus.ts'
export { Wake } from './wake.ts'
