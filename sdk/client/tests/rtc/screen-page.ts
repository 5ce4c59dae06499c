import './page.ts'
import type { Room } from '../../src/index.ts'

/** What this page offers beyond `page.ts`. */
export interface ScreenPage {
  /** A document as a screen shows it, turned to its next page each so many milliseconds, with a cursor that moves. */
  document(turnMs: number): MediaStreamTrack
  /** Shows the screen that is received in a room, in its full size. */
  show(room: Room): void
  /** What was read of it until now. */
  readonly readings: Reading[]
}

export interface Reading {
  /** Number of the page that is shown. */
  page: number
  /** Share of its letters that were recognised. */
  legible: number
  /** Lines of the picture as it came. */
  height: number
  /** Milliseconds since 1970. */
  at: number
}

declare global {
  var screenPage: ScreenPage
}

const [width, height] = [1920, 1080]
const cell = { width: 12, height: 24 }
const [columns, lines] = [90, 30]
const origin = { x: 60, y: 160 }
const alphabet = 'abcdefghijklmnopqrstuvwxyz'
const numberBits = 8
const numberSide = 64

/** The letter at a place of a page; a sixth of them are spaces. */
function letterAt(page: number, line: number, column: number): string {
  let mixed = Math.imul(page * 7919 + line * 104_729 + column * 1_299_709 + 1, 2_654_435_761)
  mixed ^= mixed >>> 15
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  const value = mixed >>> 0
  return value % 6 === 0 ? ' ' : (alphabet[(value >>> 8) % alphabet.length] ?? ' ')
}

function surface(): OffscreenCanvasRenderingContext2D | null {
  return new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
}

type Pen = Pick<CanvasRenderingContext2D, 'fillStyle' | 'font' | 'fillRect' | 'fillText'>

function begin(pen: Pen): void {
  pen.fillStyle = '#fff'
  pen.fillRect(0, 0, width, height)
  pen.fillStyle = '#111'
  pen.font = '20px monospace'
}

function drawPage(pen: Pen, page: number): void {
  begin(pen)
  for (let bit = 0; bit < numberBits; bit++) {
    if ((page >> bit) & 1) pen.fillRect(origin.x + bit * numberSide, 40, numberSide, numberSide)
  }
  for (let line = 0; line < lines; line++) {
    for (let column = 0; column < columns; column++) {
      const [x, y] = [origin.x + column * cell.width, origin.y + line * cell.height]
      pen.fillText(letterAt(page, line, column), x, y + 18)
    }
  }
}

function greys(view: OffscreenCanvasRenderingContext2D, x: number, y: number): number[] {
  const { data } = view.getImageData(x, y, cell.width, cell.height)
  const values = Array.from({ length: data.length / 4 }, (_, index) => data[index * 4 + 1] ?? 0)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return values.map((value) => value - mean)
}

function likeness(one: readonly number[], other: readonly number[]): number {
  let [product, own, others] = [0, 1, 1]
  one.forEach((value, index) => {
    const against = other[index] ?? 0
    product += value * against
    own += value * value
    others += against * against
  })
  return product / Math.sqrt(own * others)
}

let shapes: (readonly [letter: string, shape: number[]])[] | undefined

function knownShapes() {
  if (shapes !== undefined) return shapes
  const view = surface()
  if (view === null) return []
  begin(view)
  shapes = [...alphabet].map((letter, index) => {
    const x = index * cell.width * 2
    view.fillText(letter, x, 18)
    return [letter, greys(view, x, 0)] as const
  })
  return shapes
}

function read(view: OffscreenCanvasRenderingContext2D): { page: number; legible: number } {
  let page = 0
  for (let bit = 0; bit < numberBits; bit++) {
    const [, grey = 255] = view.getImageData(origin.x + (bit + 0.5) * numberSide, 72, 1, 1).data
    if (grey < 128) page |= 1 << bit
  }
  let [right, all] = [0, 0]
  for (let line = 1; line < lines; line += 5) {
    for (let column = 0; column < columns; column += 3) {
      const letter = letterAt(page, line, column)
      if (letter === ' ') continue
      const seen = greys(view, origin.x + column * cell.width, origin.y + line * cell.height)
      let [best, likest] = ['', -1]
      for (const [candidate, shape] of knownShapes()) {
        const like = likeness(seen, shape)
        if (like > likest) [best, likest] = [candidate, like]
      }
      all += 1
      if (best === letter) right += 1
    }
  }
  return { page, legible: right / all }
}

const readings: Reading[] = []

globalThis.screenPage = {
  readings,
  document: (turnMs) => {
    const canvas = Object.assign(document.createElement('canvas'), { width, height })
    const pen = canvas.getContext('2d')
    let [page, tick] = [1, 0]
    if (pen !== null) drawPage(pen, page)
    setInterval(() => {
      page = (page % 255) + 1
      if (pen !== null) drawPage(pen, page)
    }, turnMs)
    setInterval(() => pen?.fillRect(origin.x + ((tick++ * 9) % 1_000), height - 60, 6, 20), 100)
    const [track] = canvas.captureStream(15).getVideoTracks()
    if (track === undefined) throw new Error('no picture')
    track.contentHint = 'detail'
    return track
  },
  show: (room) => {
    room.on('track-subscribed', ({ track, publication }) => {
      if (publication.source !== 'screen') return
      const video = track.attach() as HTMLVideoElement
      video.style.cssText = `position: fixed; top: 0; left: 0; width: ${width}px; height: ${height}px`
      document.body.append(video)
      const view = surface()
      const look = () => {
        if (view !== null && video.videoWidth > 0) {
          view.imageSmoothingQuality = 'high'
          view.drawImage(video, 0, 0, width, height)
          readings.push({ ...read(view), height: video.videoHeight, at: Date.now() })
        }
        video.requestVideoFrameCallback(look)
      }
      video.requestVideoFrameCallback(look)
    })
  },
}
