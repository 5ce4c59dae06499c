/**
 * Letters that are drawn like a Latin letter, each followed by that letter; lower case, as folding comes first. Upper
 * case shapes count too: Cyrillic `в` stands for `b` because `В` looks like `B`.
 */
const lettersAndLatin =
  // Cyrillic
  'аaвbсcеeнhіiјjкkмmоoрpѕsтtуyхxԛqԝwԁdһhӏlґrүyқkңhҳx' +
  // Greek
  'αaβbεeζzηnιiκkνvοoρpτtυuχxωwγyϲcϳj' +
  // Armenian
  'օoսuոnհhքpցgզq' +
  // Latin letters that do not decompose, and small capitals
  'øođdħhłlŧtıiɑaɡgɩiʙbᴀaᴄcᴅdᴇeꜰfɢgʜhɪiᴊjᴋkʟlᴍmɴnᴏoᴘpʀrꜱsᴛtᴜuᴠvᴡwʏyᴢzƒfɛeɔoʌvʋvɯw'

/** By code point. */
export const lookAlikes: ReadonlyMap<number, number> = pairsOf(lettersAndLatin)

/** Digits that stand for letters, where a list asks for it. */
export const leetDigits: ReadonlyMap<number, number> = pairsOf('0o1i3e4a5s7t8b')

/** Runs of symbols that stand for a to z and that no normalisation form decomposes: first code point of each. */
export const enclosedAlphabets = [0x1f150, 0x1f170, 0x1f1e6] as const

function pairsOf(text: string): Map<number, number> {
  const points = Array.from(text, (char) => char.codePointAt(0) ?? 0)
  const pairs = new Map<number, number>()
  for (let index = 0; index + 1 < points.length; index += 2) {
    pairs.set(points[index] ?? 0, points[index + 1] ?? 0)
  }
  return pairs
}
