import { AppError, type ApprovalField, anyId, customId, type FieldIssue } from '@parley/contracts'
import { z } from 'zod'

/** What the values of a form refer to, to be looked up. */
export interface FormReferences {
  userIds: string[]
  departmentIds: string[]
  objectIds: string[]
}

const longText = 10_000

/** Holds a form against its fields. Throws `invalid-request` that names the fields; answers what must exist. */
export function checkForm(
  fields: readonly ApprovalField[],
  form: Readonly<Record<string, unknown>>,
): FormReferences {
  const issues: FieldIssue[] = []
  const references: FormReferences = { userIds: [], departmentIds: [], objectIds: [] }
  for (const id of Object.keys(form)) {
    if (!fields.some((field) => field.id === id)) issues.push({ path: `form.${id}`, message: 'is no field' })
  }
  for (const field of fields) {
    const value = Object.hasOwn(form, field.id) ? form[field.id] : undefined
    if (value === undefined || value === null) {
      if (field.required) issues.push({ path: `form.${field.id}`, message: 'is required' })
      continue
    }
    const parsed = schemaOf(field).safeParse(value)
    if (!parsed.success)
      issues.push({ path: `form.${field.id}`, message: parsed.error.issues[0]?.message ?? 'is not valid' })
    else note(references, field, parsed.data)
  }
  if (issues.length > 0) throw new AppError('invalid-request', undefined, { issues: issues.slice(0, 20) })
  return references
}

function schemaOf(field: ApprovalField): z.ZodType {
  switch (field.type) {
    case 'text':
      return z
        .string()
        .min(field.required ? 1 : 0)
        .max(Math.min(field.maxLength, longText))
    case 'number':
      return z
        .number()
        .min(field.min ?? -Number.MAX_VALUE)
        .max(field.max ?? Number.MAX_VALUE)
    case 'money':
      return z.string().regex(/^-?\d{1,15}(\.\d{1,8})?$/, 'must be a decimal as text, such as "12.50"')
    case 'date':
      return z.iso.date()
    case 'choice':
      return z.enum(field.options as [string, ...string[]])
    case 'choices':
      return z.array(z.enum(field.options as [string, ...string[]])).max(field.options.length)
    case 'user':
    case 'department':
      return customId
    case 'attachment':
      return z
        .array(anyId)
        .min(field.required ? 1 : 0)
        .max(20)
    default:
      return field satisfies never
  }
}

function note(references: FormReferences, { type }: ApprovalField, value: unknown): void {
  if (type === 'user') references.userIds.push(value as string)
  if (type === 'department') references.departmentIds.push(value as string)
  if (type === 'attachment') references.objectIds.push(...(value as string[]))
}
