const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** The text with each grapheme that a span touches as one mask; spans are in UTF-16 units, end excluded. */
export function maskSpans(
  text: string,
  spans: readonly { start: number; end: number }[],
  mask = '*',
): string {
  if (spans.length === 0) return text
  const covered = new Uint8Array(text.length)
  for (const { start, end } of spans) covered.fill(1, start, end)
  let masked = ''
  for (const { segment, index } of graphemes.segment(text)) {
    const touched = covered.subarray(index, index + segment.length).includes(1)
    masked += touched ? mask : segment
  }
  return masked
}
