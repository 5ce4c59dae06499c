import { z } from 'zod'
import { endpoint } from './endpoint.ts'

export const systemEndpoints = {
  getHealth: endpoint({
    name: 'getHealth',
    tag: 'system',
    method: 'GET',
    path: '/healthz',
    auth: 'none',
    summary: 'The process lives',
    status: 200,
    answer: z.object({ status: z.literal('ok') }),
    errors: [],
  }),
  getReadiness: endpoint({
    name: 'getReadiness',
    tag: 'system',
    method: 'GET',
    path: '/readyz',
    auth: 'none',
    summary: 'The process can serve; 503 while it starts, drains, or a part it needs is gone',
    status: 200,
    answer: z.object({ status: z.enum(['ready', 'not-ready']), parts: z.record(z.string(), z.string()) }),
    errors: ['unavailable'],
  }),
} as const
