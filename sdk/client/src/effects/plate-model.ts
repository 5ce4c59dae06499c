/** Differences from the empty room, in units of what its own noise explains: below is room, above is a person. */
const surelyRoom = 1.6
const surelyPerson = 3.2
/** Brightness and colour of a still picture tremble at least this much. */
const leastDeviation = 4
/** A shadow darkens without changing colour. */
const shadowWeight = 0.45
/** Whatever is smaller than this share of the picture is noise. */
const leastShare = 0.015
const adaptsBy = 0.02
const followsBy = 0.65

/**
 * Tells a person from an empty room that was seen before, pixel by pixel, in pictures of one size. What changes
 * slowly (daylight) is followed; a camera that is moved asks for the room to be learnt again.
 */
export class PlateModel {
  readonly width: number
  readonly height: number
  readonly #sum: Float64Array
  readonly #squares: Float64Array
  readonly #mean: Float32Array
  readonly #deviation: Float32Array
  readonly #now: Float32Array
  readonly #alpha: Float32Array
  readonly #smooth: Float32Array
  readonly #scratch: Float32Array
  readonly #visited: Uint8Array
  readonly #region: Int32Array
  #learnt = 0

  constructor(width: number, height: number) {
    this.width = width
    this.height = height
    const pixels = width * height
    this.#sum = new Float64Array(pixels * 3)
    this.#squares = new Float64Array(pixels * 3)
    this.#mean = new Float32Array(pixels * 3)
    this.#deviation = new Float32Array(pixels * 3)
    this.#now = new Float32Array(pixels * 3)
    this.#alpha = new Float32Array(pixels)
    this.#smooth = new Float32Array(pixels)
    this.#scratch = new Float32Array(pixels)
    this.#visited = new Uint8Array(pixels)
    this.#region = new Int32Array(pixels)
  }

  /** Pictures of the empty room taken so far. */
  get learnt(): number {
    return this.#learnt
  }

  /** Takes one RGBA picture of the empty room. */
  learn(rgba: Uint8ClampedArray): void {
    this.#read(rgba)
    this.#learnt++
    const count = this.#learnt
    for (let index = 0; index < this.#now.length; index++) {
      const value = this.#now[index] ?? 0
      const sum = (this.#sum[index] ?? 0) + value
      const squares = (this.#squares[index] ?? 0) + value * value
      this.#sum[index] = sum
      this.#squares[index] = squares
      const mean = sum / count
      this.#mean[index] = mean
      this.#deviation[index] = Math.max(leastDeviation, Math.sqrt(Math.max(0, squares / count - mean * mean)))
    }
  }

  /** How much of each pixel of an RGBA picture is person, 0 to 255, into `alpha`. */
  segment(rgba: Uint8ClampedArray, alpha: Uint8ClampedArray): void {
    this.#read(rgba)
    this.#differ()
    this.#blur(this.#alpha, 2)
    for (let index = 0; index < this.#alpha.length; index++) {
      // A little inside of the outline: a missing rim is seen less than one of the room.
      this.#alpha[index] = step(0.5, 0.8, this.#alpha[index] ?? 0)
    }
    this.#fill()
    for (let index = 0; index < this.#alpha.length; index++) {
      const before = this.#smooth[index] ?? 0
      this.#smooth[index] = before + followsBy * ((this.#alpha[index] ?? 0) - before)
      this.#alpha[index] = this.#smooth[index] ?? 0
    }
    this.#follow()
    this.#blur(this.#alpha, 1)
    for (let index = 0; index < this.#alpha.length; index++) alpha[index] = 255 * (this.#alpha[index] ?? 0)
  }

  /** ITU-R BT.601: brightness, and two differences of colour. */
  #read(rgba: Uint8ClampedArray): void {
    const now = this.#now
    for (let pixel = 0, at = 0; pixel < now.length; pixel += 3, at += 4) {
      const red = rgba[at] ?? 0
      const green = rgba[at + 1] ?? 0
      const blue = rgba[at + 2] ?? 0
      const bright = 0.299 * red + 0.587 * green + 0.114 * blue
      now[pixel] = bright
      now[pixel + 1] = 0.564 * (blue - bright)
      now[pixel + 2] = 0.713 * (red - bright)
    }
  }

  #differ(): void {
    const gain = this.#gain()
    for (let index = 0; index < this.#alpha.length; index++) {
      const at = index * 3
      const of = (part: number, factor = 1) =>
        ((this.#now[at + part] ?? 0) - factor * (this.#mean[at + part] ?? 0)) /
        (this.#deviation[at + part] ?? 1)
      const brightness = of(0, gain)
      const colour = Math.hypot(of(1), of(2))
      const weight = brightness < 0 && colour < 1 ? shadowWeight : 1
      const difference = Math.max(Math.abs(brightness) * weight, colour * 1.5)
      this.#alpha[index] = step(surelyRoom, surelyPerson, difference / 1.5)
    }
  }

  /** Cameras set their exposure anew when somebody comes into the picture. */
  #gain(): number {
    let now = 0
    let before = 0
    for (let index = 0; index < this.#smooth.length; index++) {
      if ((this.#smooth[index] ?? 0) > 0.1) continue
      now += this.#now[index * 3] ?? 0
      before += this.#mean[index * 3] ?? 0
    }
    return before === 0 ? 1 : Math.min(1.3, Math.max(0.75, now / before))
  }

  /** A running mean in both directions over `2 * radius + 1` pixels. */
  #blur(plane: Float32Array, radius: number): void {
    const { width, height } = this
    blurLines(plane, this.#scratch, { lines: height, length: width, line: width, next: 1, radius })
    blurLines(this.#scratch, plane, { lines: width, length: height, line: 1, next: width, radius })
  }

  /** Takes away small spots, and fills holes: room that no way leads to from the top or the sides is person. */
  #fill(): void {
    const alpha = this.#alpha
    const least = leastShare * alpha.length
    this.#visited.fill(0)
    for (let start = 0; start < alpha.length; start++) {
      if (this.#visited[start] !== 0) continue
      const isPerson = (alpha[start] ?? 0) >= 0.5
      const { size, isEnclosed } = this.#flood(start, isPerson)
      if (isPerson ? size >= least : !isEnclosed) continue
      for (const pixel of this.#region.subarray(0, size)) alpha[pixel] = isPerson ? 0 : 1
    }
  }

  /** Puts what hangs together with a pixel into `#region`. */
  #flood(start: number, isPerson: boolean): { size: number; isEnclosed: boolean } {
    const { width, height } = this
    const region = this.#region
    let size = 0
    let isEnclosed = true
    const visit = (pixel: number) => {
      if (this.#visited[pixel] !== 0 || (this.#alpha[pixel] ?? 0) >= 0.5 !== isPerson) return
      this.#visited[pixel] = 1
      region[size++] = pixel
    }
    visit(start)
    for (let next = 0; next < size; next++) {
      const pixel = region[next] ?? 0
      const x = pixel % width
      if (x === 0 || x === width - 1 || pixel < width) isEnclosed = false
      if (x > 0) visit(pixel - 1)
      if (x < width - 1) visit(pixel + 1)
      if (pixel >= width) visit(pixel - width)
      if (pixel < width * (height - 1)) visit(pixel + width)
    }
    return { size, isEnclosed }
  }

  #follow(): void {
    for (let index = 0; index < this.#smooth.length; index++) {
      if ((this.#smooth[index] ?? 0) > 0.02) continue
      for (let at = index * 3; at < index * 3 + 3; at++) {
        const mean = this.#mean[at] ?? 0
        this.#mean[at] = mean + adaptsBy * ((this.#now[at] ?? 0) - mean)
      }
    }
  }
}

function blurLines(
  from: Float32Array,
  to: Float32Array,
  shape: { lines: number; length: number; line: number; next: number; radius: number },
): void {
  const { lines, length, line, next, radius } = shape
  const size = 2 * radius + 1
  for (let each = 0; each < lines; each++) {
    const start = each * line
    const at = (position: number) => from[start + Math.min(length - 1, Math.max(0, position)) * next] ?? 0
    let sum = 0
    for (let offset = -radius; offset <= radius; offset++) sum += at(offset)
    for (let position = 0; position < length; position++) {
      to[start + position * next] = sum / size
      sum += at(position + radius + 1) - at(position - radius)
    }
  }
}

function step(low: number, high: number, value: number): number {
  const share = Math.min(1, Math.max(0, (value - low) / (high - low)))
  return share * share * (3 - 2 * share)
}
