import type { Endpoint } from '@parley/contracts'

/** The header by which OPTIONS tells what an endpoint takes, when that is no JSON. */
export function acceptHeader({ method, bodyType }: Endpoint): [name: string, type: string] | undefined {
  if (bodyType === undefined) return undefined
  if (method === 'POST') return ['Accept-Post', bodyType]
  return method === 'PATCH' ? ['Accept-Patch', bodyType] : undefined
}
