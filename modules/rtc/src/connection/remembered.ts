/**
 * `compute`, done once for a pair of objects that never change and remembered as long as both live: what peers of one
 * kind say about a section is read into one object, however many they are. Results are shared by all who ask.
 */
export function remembered<First extends object, Second extends object, Result extends object>(
  compute: (first: First, second: Second) => Result,
): (first: First, second: Second) => Result {
  const all = new WeakMap<First, WeakMap<Second, Result>>()
  return (first, second) => {
    const ofFirst = all.get(first) ?? new WeakMap<Second, Result>()
    all.set(first, ofFirst)
    const result = ofFirst.get(second) ?? compute(first, second)
    ofFirst.set(second, result)
    return result
  }
}
