/** A tone that moves as speech does, so that no encoder takes it for silence. */
export function soundTrack(): MediaStreamTrack {
  const context = new AudioContext()
  const [tone, wobble, depth] = [context.createOscillator(), context.createOscillator(), context.createGain()]
  tone.type = 'sawtooth'
  tone.frequency.value = 220
  wobble.frequency.value = 4
  depth.gain.value = 90
  wobble.connect(depth).connect(tone.frequency)
  const target = context.createMediaStreamDestination()
  tone.connect(target)
  tone.start()
  wobble.start()
  void context.resume()
  const [track] = target.stream.getAudioTracks()
  if (track === undefined) throw new Error('no sound')
  return track
}

export const pictureWidth = 640
export const pictureHeight = 480
export const paintEveryMs = 50
/** The time of painting stands in black and white cells along the top, in so many bits of milliseconds. */
const cell = 32
const bits = 16

/** Pictures that move and hold the time of their painting. */
export function pictureTrack(onPainted: () => void = () => {}): MediaStreamTrack {
  const canvas = document.createElement('canvas')
  canvas.width = pictureWidth
  canvas.height = pictureHeight
  const surface = canvas.getContext('2d')
  let painted = 0
  setInterval(() => {
    if (surface === null) return
    painted += 1
    onPainted()
    const hue = (painted * 3) % 360
    surface.fillStyle = `hsl(${hue} 40% 40%)`
    surface.fillRect(0, cell, pictureWidth, pictureHeight - cell)
    for (let index = 0; index < 12; index++) {
      surface.fillStyle = `hsl(${(hue + index * 30) % 360} 70% 50%)`
      surface.fillRect((index * 97 + painted * 7) % 600, 60 + ((index * 53 + painted * 5) % 380), 60, 40)
    }
    const time = Date.now() % 2 ** bits
    for (let bit = 0; bit < bits; bit++) {
      surface.fillStyle = (time >> bit) & 1 ? '#fff' : '#000'
      surface.fillRect(bit * cell, 0, cell, cell)
    }
    surface.fillStyle = '#000'
    surface.fillRect(bits * cell, 0, pictureWidth, cell)
  }, paintEveryMs)
  const [track] = canvas.captureStream(1000 / paintEveryMs).getVideoTracks()
  if (track === undefined) throw new Error('no picture')
  return track
}

const strip = new OffscreenCanvas(bits, 1)
const reader = strip.getContext('2d', { willReadFrequently: true })

/** Milliseconds since the picture that is on the screen was painted, here or elsewhere on this machine. */
export function pictureAgeMs(video: HTMLVideoElement): number | undefined {
  if (reader === null || video.videoWidth === 0) return undefined
  const scale = video.videoWidth / pictureWidth
  reader.imageSmoothingEnabled = false
  let time = 0
  for (let bit = 0; bit < bits; bit++) {
    const middle = (bit * cell + cell / 2) * scale
    reader.drawImage(video, middle - 1, (cell / 2) * scale - 1, 2, 2, 0, 0, 1, 1)
    if ((reader.getImageData(0, 0, 1, 1).data[0] ?? 0) > 127) time |= 1 << bit
  }
  return (Date.now() - time + 2 ** bits) % 2 ** bits
}
