export {
  createWeakNetwork,
  type DirectionCounters,
  type Endpoint,
  WeakNetwork,
  type WeakNetworkOptions,
} from './datagram-network.ts'
export { burstLoss, type Fate, type GilbertElliott, type Impairment, ImpairmentModel } from './impairment.ts'
export { SeededRandom } from './random.ts'
export {
  createWeakStreamNetwork,
  type StreamImpairment,
  WeakStreamNetwork,
  type WeakStreamNetworkOptions,
} from './stream-network.ts'
