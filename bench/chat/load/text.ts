/** Every text is this long, whatever it says. Bytes. */
export const textBytes = 256
const digits = 9
const mark = Buffer.from('@#')
const padding = 'Lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor '.repeat(4)

/** The bytes by which a delivery is told from everything else on the wire. */
export const markBytes = mark.length + digits

/** A text that carries the number of its message, so that receivers need not parse the frame around it. */
export function numberedText(number: number): string {
  return `${mark}${String(number).padStart(digits, '0')} ${padding}`.slice(0, textBytes)
}

/** Calls back with the number of each text found in the bytes. */
export function eachNumber(bytes: Buffer, found: (number: number) => void): void {
  for (let at = bytes.indexOf(mark); at !== -1; at = bytes.indexOf(mark, at + textBytes)) {
    if (at + markBytes > bytes.length) return
    found(readDigits(bytes, at + mark.length, at + markBytes))
  }
}

/** The number written in ASCII digits from `from` up to `to` or to the first byte that is no digit. */
export function readDigits(bytes: Buffer, from: number, to: number): number {
  let number = 0
  for (let at = from; at < to; at++) {
    const digit = (bytes[at] ?? 0) - 0x30
    if (digit < 0 || digit > 9) break
    number = number * 10 + digit
  }
  return number
}
