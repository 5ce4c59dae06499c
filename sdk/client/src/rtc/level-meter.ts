/**
 * Measures how loud a captured audio track is, some 16 times a second, as a level from 0 to 1. The meter does
 * not own the track; calling what it answers ends the meter.
 */
export function watchLevel(track: MediaStreamTrack, onLevel: (level: number) => void): () => void {
  const context = new AudioContext()
  const analyser = context.createAnalyser()
  analyser.fftSize = 512
  const source = context.createMediaStreamSource(new MediaStream([track]))
  source.connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples)
    let energy = 0
    for (const sample of samples) energy += sample * sample
    // Speech at arm's length has an effective value near 0.1; its root spreads the quiet half of the scale.
    onLevel(Math.min(1, Math.sqrt(Math.sqrt(energy / samples.length))))
  }, 60)
  return () => {
    clearInterval(timer)
    source.disconnect()
    void context.close()
  }
}
