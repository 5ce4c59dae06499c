export {
  type CallOptions,
  type DevCloud,
  type DevCloudOptions,
  type DevServer,
  startDevCloud,
} from './dev-cloud.ts'
export { FrameRefusedError, RealtimeClient } from './realtime-client.ts'
