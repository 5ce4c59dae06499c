import type { TrackProcessor } from '@parley/client'
import { noiseSuppression } from '@parley/client/noise-suppression'
import { VirtualBackground } from '@parley/client/virtual-background'
import workerUrl from '@parley/client/virtual-background-worker.js?worker&url'
import wasmUrl from '@sapphi-red/web-noise-suppressor/rnnoise.wasm?url'
import simdWasmUrl from '@sapphi-red/web-noise-suppressor/rnnoise_simd.wasm?url'
import workletUrl from '@sapphi-red/web-noise-suppressor/rnnoiseWorklet.js?url'

export function makeNoiseSuppression(): TrackProcessor {
  return noiseSuppression({ workletUrl, wasmUrl, simdWasmUrl })
}

export function makeBlur(): VirtualBackground {
  return new VirtualBackground({ background: { type: 'blur' }, workerUrl })
}
