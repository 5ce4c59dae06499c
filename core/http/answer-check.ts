/**
 * Names of members that an answer has and its schema does not know: what a handler would leak, or what the
 * contract forgot. `parsed` is the answer as the schema took it, which drops unknown members.
 */
export function unknownMembers(answer: unknown, parsed: unknown, path = ''): string[] {
  if (Array.isArray(answer) && Array.isArray(parsed)) {
    return answer.flatMap((item, index) => unknownMembers(item, parsed[index], `${path}[${index}]`))
  }
  if (!isRecord(answer) || !isRecord(parsed)) return []
  return Object.entries(answer).flatMap(([name, value]) => {
    const at = path === '' ? name : `${path}.${name}`
    if (value === undefined) return []
    return name in parsed ? unknownMembers(value, parsed[name], at) : [at]
  })
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
