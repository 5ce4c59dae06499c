import type { moderationEndpoints } from '@parley/contracts'
import type { z } from 'zod'
import type { Parley } from './parley.ts'
import { randomId } from './random-id.ts'

type Endpoints = typeof moderationEndpoints
export type Report = Omit<z.input<Endpoints['createReport']['body'] & {}>, 'userId'>
export type Appeal = Omit<z.input<Endpoints['createAppeal']['body'] & {}>, 'userId'>

/** Reports a message, user, conversation or room to the moderators; answers the case it became. */
export function report(parley: Parley, what: Report): Promise<{ caseId: string }> {
  return parley.rest.call('POST', '/v1/reports', { body: what, idempotencyKey: randomId('k') })
}

/** Objects to a restriction or a case that is about the user. */
export function appeal(parley: Parley, what: Appeal): Promise<{ caseId: string }> {
  return parley.rest.call('POST', '/v1/appeals', { body: what, idempotencyKey: randomId('k') })
}
