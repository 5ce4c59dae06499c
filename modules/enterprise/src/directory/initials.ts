// The first character of each letter in the order of pinyin; I, U and V begin no syllable.
const borders: readonly (readonly [string, string])[] = [
  ...([
    ['a', '阿'],
    ['b', '八'],
    ['c', '嚓'],
    ['d', '哒'],
    ['e', '妸'],
    ['f', '发'],
    ['g', '旮'],
    ['h', '哈'],
  ] as const),
  ...([
    ['j', '讥'],
    ['k', '咔'],
    ['l', '垃'],
    ['m', '妈'],
    ['n', '拏'],
    ['o', '噢'],
    ['p', '妑'],
    ['q', '七'],
  ] as const),
  ...([
    ['r', '呥'],
    ['s', '扨'],
    ['t', '他'],
    ['w', '穵'],
    ['x', '夕'],
    ['y', '丫'],
    ['z', '帀'],
  ] as const),
]
const byPinyin = new Intl.Collator('zh-Hans-CN-u-co-pinyin')
/** Readings as a family name, where they differ. */
const familyNames: Readonly<Record<string, string>> = {
  单: 's',
  解: 'x',
  仇: 'q',
  区: 'o',
  查: 'z',
  曾: 'z',
  朴: 'p',
  尉: 'y',
  盖: 'g',
}
const maxLength = 64

/**
 * The initials of a name in lower case: of each word in scripts with spaces, of each character in Chinese by its pinyin
 * (as ICU sorts it; of several readings the usual one).
 */
export function initialsOf(name: string): string {
  let initials = ''
  let insideWord = false
  for (const char of name.normalize('NFKC').toLowerCase()) {
    if (/\p{Script=Han}/u.test(char)) {
      initials += initialOf(char, initials === '')
      insideWord = false
    } else if (/[\p{L}\p{N}]/u.test(char)) {
      if (!insideWord) initials += char.normalize('NFD')[0] ?? ''
      insideWord = true
    } else insideWord = /['’]/.test(char) && insideWord
  }
  return initials.slice(0, maxLength)
}

function initialOf(char: string, isFirst: boolean): string {
  const asName = isFirst ? familyNames[char] : undefined
  if (asName !== undefined) return asName
  let found = ''
  for (const [letter, border] of borders) {
    if (byPinyin.compare(char, border) < 0) break
    found = letter
  }
  return found
}

/** A name as search compares it. */
export function foldName(name: string): string {
  return name.normalize('NFKC').toLowerCase()
}
