import {
  chatEndpoints,
  type Endpoint,
  endpoint,
  identityEndpoints,
  objectEndpoints,
  systemEndpoints,
} from '@parley/contracts'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { renderDocs } from './docs.ts'
import { buildOpenApi } from './openapi.ts'

const all = [identityEndpoints, chatEndpoints, objectEndpoints, systemEndpoints].flatMap((group) =>
  Object.values(group),
) as Endpoint[]
const version = '1.2.3'

/** Every `$ref` in the document. */
function refsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, item]) => (name === '$ref' ? [item as string] : refsOf(item)))
}

test('every endpoint of the contracts is described, and every reference leads somewhere', () => {
  const document = buildOpenApi(all, { version })
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods))
  expect(operations.map((operation) => operation.operationId).sort()).toEqual(
    all.map(({ name }) => name).sort(),
  )
  const names = Object.keys(document.components.schemas)
  for (const ref of refsOf(document)) {
    expect(ref).toMatch(/^#\/components\/schemas\/\w+$/)
    expect(names).toContain(ref.replace('#/components/schemas/', ''))
  }
  expect(JSON.stringify(document)).not.toMatch(/\$defs|__schema|draft:|\$schema/)
})

test('the same endpoints give the same bytes', () => {
  const bytes = () => JSON.stringify(buildOpenApi(all, { version }))
  expect(bytes()).toBe(bytes())
})

test('every path parameter is declared, and only those', () => {
  for (const [path, methods] of Object.entries(buildOpenApi(all, { version }).paths)) {
    for (const operation of Object.values(methods)) {
      const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path')
      expect(declared.map(({ name }) => `{${name}}`).sort(), path).toEqual(
        (path.match(/\{\w+\}/g) ?? []).sort(),
      )
    }
  }
})

const setting = z.object({ size: z.int().default(3) }).meta({ id: 'Setting' })
const plain = z.object({ text: z.string() }).meta({ id: 'Plain' })
const holder = z.object({ setting, plain }).meta({ id: 'Holder' })
const saveHolder = endpoint({
  name: 'saveHolder',
  tag: 'holders',
  method: 'POST',
  path: '/v1/holders',
  auth: 'key',
  summary: 'Saves',
  body: holder,
  status: 201,
  answer: holder,
  errors: ['version-mismatch', 'limit-exceeded'],
})

test('a schema whose request and answer differ becomes two components, also through what it refers to', () => {
  const { components, paths } = buildOpenApi([saveHolder], { version })
  expect(Object.keys(components.schemas)).toEqual([
    'Holder',
    'HolderInput',
    'Plain',
    'Problem',
    'Setting',
    'SettingInput',
  ])
  expect(components.schemas.Setting).toMatchObject({ required: ['size'] })
  expect(components.schemas.SettingInput).not.toHaveProperty('required')
  const operation = paths['/v1/holders']?.post
  expect(operation?.requestBody?.content['application/json']?.schema).toEqual({
    $ref: '#/components/schemas/HolderInput',
  })
  expect(operation?.responses[201]?.content?.['application/json']?.schema).toEqual({
    $ref: '#/components/schemas/Holder',
  })
})

test('errors, headers and rights of an endpoint are told', () => {
  const operation = buildOpenApi([saveHolder], { version }).paths['/v1/holders']?.post
  expect(operation?.security).toEqual([{ apiKey: [] }])
  expect(operation?.parameters?.map(({ name }) => name)).toEqual(['Idempotency-Key', 'If-Match'])
  expect(operation?.responses[422]?.description).toContain('`limit-exceeded`')
  expect(operation?.responses[409]?.description).toContain('`idempotency-conflict`')
  expect(operation?.responses[401]?.description).toContain('`key-revoked`')
})

test('the page shows every endpoint, runs nothing, and loads nothing', () => {
  const page = renderDocs(buildOpenApi(all, { version }))
  for (const { name, path } of all) {
    expect(page).toContain(`id="${name}"`)
    expect(page).toContain(path)
  }
  expect(page).not.toMatch(/<script|<link|<img|<iframe|https?:\/\/(?!example)|\son\w+=/i)
  const anchors = [...page.matchAll(/href="#([^"]+)"/g)].map((match) => match[1])
  for (const anchor of new Set(anchors)) expect(page).toContain(`id="${anchor}"`)
})

test('what a contract says is text on the page, never markup', () => {
  const hostile = { ...saveHolder, summary: '<script>alert(1)</script> & "quotes"' }
  const page = renderDocs(buildOpenApi([hostile], { version }))
  expect(page).not.toContain('<script>')
  expect(page).toContain('&lt;script&gt;')
})
