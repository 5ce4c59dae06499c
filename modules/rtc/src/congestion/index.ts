export {
  CongestionController,
  type CongestionLimit,
  type CongestionOptions,
  type LossKind,
} from './congestion-controller.ts'
