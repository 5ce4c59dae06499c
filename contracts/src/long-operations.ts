import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { anyId } from './ids.ts'
import { pageOf, pageQuery, timestamp } from './pagination.ts'

export const longOperationStates = ['waiting', 'running', 'succeeded', 'failed', 'cancelled'] as const

/** Work that takes longer than a request: it goes on behind the answer, and after a crash where it stood. */
export const longOperation = z
  .object({
    id: z.string(),
    type: z.string().meta({ description: 'What is done, such as `export` or `import`' }),
    state: z.enum(longOperationStates),
    progress: z.object({
      done: z.int(),
      total: z.int().optional().meta({ description: 'As far as it is known; it may grow' }),
      unit: z.string().meta({ description: 'What is counted, such as `messages`' }),
    }),
    result: z
      .record(z.string(), z.json())
      .optional()
      .meta({ description: 'What came of it, once it has succeeded' }),
    resultPath: z.string().optional().meta({ description: 'Where more of the result can be read' }),
    error: z
      .object({ code: z.string(), detail: z.string() })
      .optional()
      .meta({ description: 'Why it failed' }),
    createdAt: timestamp,
    updatedAt: timestamp,
    endedAt: timestamp.optional(),
  })
  .meta({ id: 'LongOperation' })
export type LongOperation = z.infer<typeof longOperation>

const params = z.object({ operationId: anyId })

export const longOperationEndpoints = {
  getOperation: endpoint({
    name: 'getOperation',
    tag: 'operations',
    method: 'GET',
    path: '/v1/operations/{operationId}',
    auth: 'key',
    summary: 'How far a long operation is, and what came of it',
    params,
    status: 200,
    answer: longOperation,
    errors: ['not-found'],
  }),
  listOperations: endpoint({
    name: 'listOperations',
    tag: 'operations',
    method: 'GET',
    path: '/v1/operations',
    auth: 'key',
    summary: 'Long operations of the project, newest first; ended ones are listed for 30 days',
    query: pageQuery.extend({
      type: z.string().max(64).optional(),
      state: z.enum(longOperationStates).optional(),
    }),
    status: 200,
    answer: pageOf(longOperation),
    errors: ['invalid-cursor'],
  }),
  cancelOperation: endpoint({
    name: 'cancelOperation',
    tag: 'operations',
    method: 'POST',
    path: '/v1/operations/{operationId}/cancel',
    auth: 'key',
    summary: 'End a long operation after the step it is at; what was done stays done',
    params,
    status: 200,
    answer: longOperation,
    errors: ['not-found', 'conflict'],
  }),
} as const
