const letters = 'ABCDEFGHJKLMNOPQRSTWXYZ'
/** The first character of each letter in the order of pinyin. */
const firsts = '阿八嚓哒妸发旮哈讥咔垃妈拏噢妑七呥仨他屲夕丫帀'
const pinyin = new Intl.Collator('zh-u-co-pinyin')

/** The letter that a name is found under: of Chinese names that of their sound; `#` for what has none. */
export function initialOf(name: string): string {
  const [first = ''] = name.trim().normalize('NFKD')
  if (/\p{Script=Han}/u.test(first)) {
    let found = -1
    for (const [index, character] of [...firsts].entries()) {
      if (pinyin.compare(first, character) >= 0) found = index
    }
    return letters[found] ?? '#'
  }
  return /\p{L}/u.test(first) ? first.toUpperCase() : '#'
}

export interface Grouped<Item> {
  initial: string
  items: Item[]
}

/** Under their letters, in the order of the reader's language; what has none comes last. */
export function groupByInitial<Item>(
  items: readonly Item[],
  nameOf: (item: Item) => string,
  locale: string,
): Grouped<Item>[] {
  const collator = new Intl.Collator(locale === 'zh-CN' ? 'zh-u-co-pinyin' : locale)
  const groups = new Map<string, Item[]>()
  const sorted = [...items].sort((one, other) => collator.compare(nameOf(one), nameOf(other)))
  for (const item of sorted) {
    const initial = initialOf(nameOf(item))
    const group = groups.get(initial)
    if (group) group.push(item)
    else groups.set(initial, [item])
  }
  return [...groups]
    .map(([initial, found]) => ({ initial, items: found }))
    .sort(
      (one, other) => rank(one.initial) - rank(other.initial) || collator.compare(one.initial, other.initial),
    )
}

const rank = (initial: string) => (initial === '#' ? 1 : 0)
