import * as contracts from '@parley/contracts'
import { expect, test } from 'vitest'
import { z } from 'zod'

/** Each once: a group may be made of smaller ones. */
const endpoints: contracts.Endpoint[] = [
  ...new Set(
    Object.entries(contracts)
      .filter(([name]) => name.endsWith('Endpoints'))
      .flatMap(([, group]) => Object.values(group as Record<string, contracts.Endpoint>)),
  ),
]

/** The table as source text: the client carries no schemas. */
function render(): string {
  const lines = endpoints
    .filter((endpoint) => endpoint.auth !== 'operator' && endpoint.auth !== 'user')
    .map((endpoint) => `  ${endpoint.name}: ['${endpoint.method}', '${endpoint.path}'],\n`)
  const head = '// Written by endpoint-table.test.ts from the contracts: `npx vitest run sdk/server -u`.\n'
  return `${head}export const endpointTable = {\n${lines.join('')}} as const\n`
}

test('the endpoint table is what the contracts say', async () => {
  await expect(render()).toMatchFileSnapshot('./endpoint-table.ts')
})

test('path, query and body fields of an endpoint do not collide, and only GET and DELETE take a query', () => {
  for (const { name, path, method, params, query, body } of endpoints) {
    const fields = [params, query, body].flatMap((schema) => fieldsOf(schema))
    expect(new Set(fields).size, name).toBe(fields.length)
    const placeholders = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1])
    expect(fieldsOf(params).sort(), name).toEqual(placeholders.sort())
    if (method !== 'GET' && method !== 'DELETE') expect(query, name).toBeUndefined()
    else expect(body, name).toBeUndefined()
  }
})

function fieldsOf(schema: z.ZodType | undefined): string[] {
  if (!schema) return []
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return Object.keys(json.properties ?? {})
}
