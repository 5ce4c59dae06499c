import { docsStyle } from './docs-style.ts'
import type { OpenApiDocument, OpenApiOperation, OpenApiParameter } from './openapi.ts'
import type { JsonSchema } from './openapi-components.ts'

/** Of the page of `renderDocs`: it has a style, and nothing that runs or loads. */
export const docsSecurityPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

interface Entry {
  method: string
  path: string
  operation: OpenApiOperation
}

/** The OpenAPI document as a page to read: one file, without scripts, light or dark as the reader has it. */
export function renderDocs(document: OpenApiDocument): string {
  const entries = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
    })),
  )
  const tags = document.tags.map(({ name }) => name)
  const of = (tag: string) => entries.filter(({ operation }) => operation.tags.includes(tag))
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(document.info.title)} API</title>
<style>${docsStyle}</style>
</head>
<body>
<nav>
<p class="brand">${escapeHtml(document.info.title)} <small>${escapeHtml(document.info.version)}</small></p>
${tags.map((tag) => navigation(tag, of(tag))).join('\n')}
<h2><a href="#schemas">Schemas</a></h2>
</nav>
<main>
<h1>${escapeHtml(document.info.title)} API</h1>
<p>${prose(document.info.description)}</p>
<p><a href="/v1/openapi.json">openapi.json</a></p>
${tags.map((tag) => section(tag, of(tag), document)).join('\n')}
<h2 id="schemas">Schemas</h2>
${Object.entries(document.components.schemas)
  .map(([name, schema]) => component(name, schema))
  .join('\n')}
</main>
</body>
</html>
`
}

function navigation(tag: string, entries: readonly Entry[]): string {
  const items = entries.map(
    ({ method, operation }) =>
      `<li><a href="#${attribute(operation.operationId)}"><b class="${method}">${method}</b> ${escapeHtml(operation.operationId)}</a></li>`,
  )
  return `<h2><a href="#tag-${attribute(tag)}">${escapeHtml(tag)}</a></h2>\n<ul>${items.join('')}</ul>`
}

function section(tag: string, entries: readonly Entry[], document: OpenApiDocument): string {
  const operations = entries.map((entry) => operation(entry, document)).join('\n')
  return `<section><h2 id="tag-${attribute(tag)}">${escapeHtml(tag)}</h2>\n${operations}</section>`
}

function operation({ method, path, operation: described }: Entry, document: OpenApiDocument): string {
  const { operationId, summary, parameters = [], requestBody, responses } = described
  const body = requestBody?.content['application/json']?.schema
  return `<article id="${attribute(operationId)}">
<h3><a href="#${attribute(operationId)}"><b class="${method}">${method}</b> <code>${escapeHtml(path)}</code></a></h3>
<p>${prose(summary)}</p>
<p class="auth">${credentialsOf(described)}</p>
${parameters.length > 0 ? `<h4>Parameters</h4>${parameterTable(parameters)}` : ''}
${body ? `<h4>Body</h4>${schemaBlock(body)}` : ''}
<h4>Answers</h4>
${answers(responses)}
<h4>Example</h4>
<pre><code>${escapeHtml(curl({ method, path, operation: described }, document))}</code></pre>
</article>`
}

function credentialsOf(described: OpenApiOperation): string {
  const names: Record<string, string> = {
    apiKey: 'API key',
    userToken: 'user token',
    operatorToken: 'operator token',
  }
  const kinds = described.security.flatMap((scheme) => Object.keys(scheme)).map((name) => names[name] ?? name)
  return kinds.length === 0 ? 'Open to anyone' : `With ${kinds.join(' or ')}`
}

function parameterTable(parameters: readonly OpenApiParameter[]): string {
  const rows = parameters.map(
    ({ name, in: place, required, schema, description }) =>
      `<tr><td><code>${escapeHtml(name)}</code></td><td class="place">${place}${required ? ', required' : ''}</td>` +
      `<td>${typeOf(schema)}${description === undefined ? '' : ` – ${prose(description)}`}</td></tr>`,
  )
  return `<table>${rows.join('')}</table>`
}

function answers(responses: OpenApiOperation['responses']): string {
  const all = Object.entries(responses)
  const good = all.filter(([status]) => Number(status) < 400)
  const bad = all.filter(([status]) => Number(status) >= 400)
  const success = good.map(([status, response]) => {
    const [content] = Object.values(response.content ?? {})
    return `<p><b class="s2">${status}</b></p>${content ? schemaBlock(content.schema) : ''}`
  })
  const failures = bad.map(
    ([status, { description }]) =>
      `<p><b class="s4">${status}</b></p><ul>${description.split('\n\n').map(item).join('')}</ul>`,
  )
  const statuses = bad.map(([status]) => status).join(', ')
  return `${success.join('')}<details><summary>Errors: ${statuses}</summary>${failures.join('')}</details>`
}

const item = (text: string) => `<li>${prose(text)}</li>`

function component(name: string, schema: JsonSchema): string {
  return `<article id="schema-${attribute(name)}"><h3><a href="#schema-${attribute(name)}">${escapeHtml(name)}</a></h3>${schemaBlock(schema)}</article>`
}

function schemaBlock(schema: JsonSchema): string {
  const { description, properties, required } = schema as {
    description?: string
    properties?: Record<string, JsonSchema>
    required?: string[]
  }
  const text = description === undefined ? '' : `<p>${prose(description)}</p>`
  if (properties === undefined) return `${text}<p>${typeOf(schema)}</p>`
  const rows = Object.entries(properties).map(([name, property]) => {
    const note = (property as { description?: string }).description
    const optional = required?.includes(name) ? '' : ' <small>optional</small>'
    const told = note === undefined ? '' : ` – ${prose(note)}`
    return `<tr><td><code>${escapeHtml(name)}</code>${optional}</td><td>${typeOf(property)}${told}</td></tr>`
  })
  return `${text}<table>${rows.join('')}</table>`
}

/** One line that says what a value may be. */
function typeOf(schema: JsonSchema): string {
  const { $ref, anyOf, oneOf, allOf, type, items, format } = schema as {
    $ref?: string
    anyOf?: JsonSchema[]
    oneOf?: JsonSchema[]
    allOf?: JsonSchema[]
    type?: string
    items?: JsonSchema
    format?: string
  }
  if ($ref !== undefined) return reference($ref)
  if ('const' in schema) return `<code>${escapeHtml(JSON.stringify(schema.const))}</code>`
  if (Array.isArray(schema.enum))
    return schema.enum.map((value) => `<code>${escapeHtml(JSON.stringify(value))}</code>`).join(' ')
  const choices = anyOf ?? oneOf
  if (choices !== undefined) return choices.map(typeOf).join(' or ')
  if (allOf !== undefined) return allOf.map(typeOf).join(' and ')
  if (type === 'array') return `array of ${typeOf(items ?? {})}`
  if (type === 'object') return objectType(schema)
  return escapeHtml([format ?? type ?? 'any JSON', limitsOf(schema)].filter((part) => part !== '').join(', '))
}

function objectType(schema: JsonSchema): string {
  const { properties } = schema as { properties?: Record<string, JsonSchema> }
  if (properties === undefined) return 'object'
  const members = Object.entries(properties).map(
    ([name, property]) => `${escapeHtml(name)}: ${typeOf(property)}`,
  )
  return `{ ${members.join('; ')} }`
}

function limitsOf(schema: JsonSchema): string {
  const { minimum, maximum, maxLength } = schema as { minimum?: number; maximum?: number; maxLength?: number }
  if (maxLength !== undefined) return `at most ${maxLength} characters`
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`
  if (minimum !== undefined) return `at least ${minimum}`
  return maximum === undefined ? '' : `at most ${maximum}`
}

function reference(ref: string): string {
  const name = ref.replace('#/components/schemas/', '')
  return `<a href="#schema-${attribute(name)}">${escapeHtml(name)}</a>`
}

function curl({ method, path, operation: described }: Entry, document: OpenApiDocument): string {
  const kinds = described.security.flatMap((scheme) => Object.keys(scheme))
  const lines = [`curl -X ${method} "$PARLEY_URL${path.replaceAll(/\{(\w+)\}/g, '$$$1')}"`]
  if (kinds.includes('apiKey')) lines.push('-u "$KEY_ID:$KEY_SECRET"')
  else if (kinds.includes('userToken')) lines.push('-H "Authorization: Bearer $USER_TOKEN"')
  else if (kinds.includes('operatorToken')) lines.push('-H "Authorization: Bearer $OPERATOR_TOKEN"')
  const body = described.requestBody?.content['application/json']?.schema
  if (body !== undefined) {
    const example = JSON.stringify(exampleOf(body, document, 0)).replaceAll("'", "'\\''")
    lines.push("-H 'Content-Type: application/json'", `-d '${example}'`)
  }
  return lines.join(' \\\n  ')
}

/** A value with what is required, for people to fill in. */
function exampleOf(schema: JsonSchema, document: OpenApiDocument, depth: number): unknown {
  const {
    $ref,
    anyOf,
    oneOf,
    type,
    properties = {},
    required = [],
    items,
  } = schema as {
    $ref?: string
    anyOf?: JsonSchema[]
    oneOf?: JsonSchema[]
    type?: string
    properties?: Record<string, JsonSchema>
    required?: string[]
    items?: JsonSchema
  }
  if (depth > 6) return null
  if ($ref !== undefined) {
    return exampleOf(
      document.components.schemas[$ref.replace('#/components/schemas/', '')] ?? {},
      document,
      depth + 1,
    )
  }
  if ('const' in schema) return schema.const
  if (Array.isArray(schema.enum)) return schema.enum[0]
  const [choice] = anyOf ?? oneOf ?? []
  if (choice !== undefined) return exampleOf(choice, document, depth + 1)
  switch (type) {
    case 'object':
      return Object.fromEntries(
        required.map((name) => [name, exampleOf(properties[name] ?? {}, document, depth + 1)]),
      )
    case 'array':
      return [exampleOf(items ?? {}, document, depth + 1)]
    case 'integer':
    case 'number':
      return (schema.minimum as number | undefined) ?? 0
    case 'boolean':
      return true
    default:
      return '...'
  }
}

/** Text with `code` in it. */
function prose(text: string): string {
  return escapeHtml(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>')
}

function attribute(text: string): string {
  return encodeURIComponent(text)
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character)
}
