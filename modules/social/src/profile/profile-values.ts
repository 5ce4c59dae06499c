import {
  AppError,
  type FieldIssue,
  type ProfileField,
  type ProfileValue,
  type SocialSettings,
  standardProfileFields,
} from '@parley/contracts'

const datePattern = /^\d{4}-\d{2}-\d{2}$/

/** The fields a profile of the project may have. Those every project has cannot be given another meaning. */
export function fieldsOf({ fields }: SocialSettings): Map<string, ProfileField> {
  return new Map<string, ProfileField>([...Object.entries(fields), ...Object.entries(standardProfileFields)])
}

/** Throws `invalid-request`, naming each field that does not fit. */
export function requireFitting(
  known: ReadonlyMap<string, ProfileField>,
  values: Readonly<Record<string, ProfileValue | null>>,
): void {
  const issues: FieldIssue[] = []
  for (const [name, value] of Object.entries(values)) {
    const field = known.get(name)
    // What the project no longer has can still be taken away.
    if (value === null) continue
    const wrong = field === undefined ? 'is no field of this project' : misfit(field, value)
    if (wrong !== undefined) issues.push({ path: `fields.${name}`, message: wrong })
  }
  if (issues.length > 0) throw new AppError('invalid-request', 'A field does not fit', { issues })
}

function misfit(field: ProfileField, value: ProfileValue): string | undefined {
  switch (field.kind) {
    case 'text':
      if (typeof value !== 'string') return 'must be text'
      return value.length > field.maxLength ? `must be at most ${field.maxLength} long` : undefined
    case 'number':
      if (typeof value !== 'number') return 'must be a number'
      if (field.min !== undefined && value < field.min) return `must be at least ${field.min}`
      return field.max !== undefined && value > field.max ? `must be at most ${field.max}` : undefined
    case 'flag':
      return typeof value === 'boolean' ? undefined : 'must be true or false'
    case 'date':
      return typeof value === 'string' && isDate(value) ? undefined : 'must be a date such as 1990-12-31'
    case 'choice':
      return typeof value === 'string' && field.choices.includes(value)
        ? undefined
        : `must be one of ${field.choices.join(', ')}`
  }
}

function isDate(value: string): boolean {
  if (!datePattern.test(value)) return false
  const date = new Date(`${value}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(value)
}
