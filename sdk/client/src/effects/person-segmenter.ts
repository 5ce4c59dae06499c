/** How much of each pixel is person: 0 is background, 255 is person, row by row. */
export interface PersonMask {
  width: number
  height: number
  alpha: Uint8ClampedArray
}

/**
 * Tells persons from what is behind them. The default needs no model (`EmptyRoomSegmenter`); an application may bring
 * one that runs a segmentation model of its choice.
 */
export interface PersonSegmenter {
  /** Width of the pictures it is given, in pixels; the height follows. */
  readonly pictureWidth: number
  /**
   * The mask of an RGBA picture, of any size; undefined: not known, so that all of it is taken for background. It is
   * asked one picture at a time.
   */
  segment(picture: ImageData): PersonMask | undefined | Promise<PersonMask | undefined>
  /** It is not asked for now: lets go of what is costly to hold. It may be asked again. */
  close(): void
}
