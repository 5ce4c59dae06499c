import type { Notification } from './adapter.ts'

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** At most `most` graphemes, with an ellipsis as the last one where something was left out. */
export function truncated(text: string, most: number): string {
  if (text.length <= most) return text
  let count = 0
  let cutAt = 0
  for (const { index, segment } of graphemes.segment(text)) {
    count++
    if (count === most) cutAt = index
    if (count > most) return `${text.slice(0, cutAt).trimEnd()}…`
    // What is left cannot hold more graphemes than UTF-16 units.
    if (count + (text.length - index - segment.length) <= most) return text
  }
  return text
}

/**
 * The payload as `encode` makes it, in at most `mostBytes`: the body is cut between graphemes until it fits, then the
 * title. Undefined when the data alone is too much.
 */
export function fittedPayload(
  notification: Notification,
  mostBytes: number,
  encode: (notification: Notification) => string,
): string | undefined {
  const whole = encode(notification)
  if (Buffer.byteLength(whole) <= mostBytes) return whole
  return (
    withShorter(notification.body, mostBytes, (body) => encode({ ...notification, body })) ??
    withShorter(notification.title, mostBytes, (title) => encode({ ...notification, title, body: '' }))
  )
}

function withShorter(
  text: string,
  mostBytes: number,
  encode: (shorter: string) => string,
): string | undefined {
  const parts = [...graphemes.segment(text)].map(({ segment }) => segment)
  let best: string | undefined
  let low = 0
  let high = parts.length
  while (low <= high) {
    const length = (low + high) >> 1
    const shorter = length < parts.length ? `${parts.slice(0, length).join('').trimEnd()}…` : text
    const payload = encode(shorter)
    if (Buffer.byteLength(payload) <= mostBytes) {
      best = payload
      low = length + 1
    } else high = length - 1
  }
  return best
}
