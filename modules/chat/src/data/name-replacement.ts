const namesUsers = /(^u|U)serIds?$|^(senderId|ownerId|memberIds|[a-z]+By)$/

/** The value with a user's id replaced wherever a member says that it names users; the same value where there is none. */
export function replaceUser<Value>(value: Value, userId: string, pseudonym: string): Value {
  return replaced(value, userId, pseudonym, false) as Value
}

function replaced(value: unknown, userId: string, pseudonym: string, names: boolean): unknown {
  if (typeof value === 'string') return names && value === userId ? pseudonym : value
  if (Array.isArray(value)) return value.map((item) => replaced(item, userId, pseudonym, names))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      replaced(inner, userId, pseudonym, namesUsers.test(key)),
    ]),
  )
}
