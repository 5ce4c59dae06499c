import { timingSafeEqual } from 'node:crypto'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { AppError, systemEndpoints } from '@parley/contracts'
import type { Metrics } from '@parley/core/metrics'
import { docsSecurityPolicy, renderDocs } from './docs.ts'
import type { HttpServer, RawContext } from './http-server.ts'
import { sendProblem } from './problem.ts'
import { isLoopback } from './remote-address.ts'

export interface SystemRoutesOptions {
  metrics: Metrics
  /** Bearer token for /metrics; without it only this machine itself may read it. */
  metricsToken: string | undefined
}

/** Adds /healthz, /readyz, /metrics, /v1/openapi.json and /docs. Call it after all endpoints were added. */
export function addSystemRoutes(http: HttpServer, options: SystemRoutesOptions): void {
  http.document(systemEndpoints.getHealth)
  http.raw('GET', systemEndpoints.getHealth.path, (c) => c.json({ status: 'ok' }))
  http.document(systemEndpoints.getReadiness)
  http.raw('GET', systemEndpoints.getReadiness.path, (c) => answerReadiness(http, c))
  http.raw('GET', '/metrics', async (c) => {
    requireMetricsReader(c, options.metricsToken)
    return c.body(await options.metrics.render(), 200, { 'Content-Type': options.metrics.contentType })
  })
  http.raw('GET', '/v1/openapi.json', (c) => c.json(http.openapi()))
  http.raw('GET', '/docs', (c) =>
    c.html(renderDocs(http.openapi()), 200, { 'Content-Security-Policy': docsSecurityPolicy }),
  )
}

async function answerReadiness(http: HttpServer, c: RawContext): Promise<Response> {
  const { ready, parts } = await http.checkReadiness()
  if (ready) return c.json({ status: 'ready', parts })
  const { requestId, outgoing } = c.env
  sendProblem(outgoing, new AppError('unavailable', 'A part is not ready'), { requestId, extra: { parts } })
  return RESPONSE_ALREADY_SENT
}

function requireMetricsReader(c: RawContext, token: string | undefined): void {
  if (token !== undefined) {
    const given = Buffer.from(c.req.header('authorization') ?? '')
    const wanted = Buffer.from(`Bearer ${token}`)
    if (given.length === wanted.length && timingSafeEqual(given, wanted)) return
    throw new AppError('unauthenticated', 'Metrics want the token of PARLEY_METRICS_TOKEN')
  }
  const direct = c.env.incoming.socket.remoteAddress?.replace(/^::ffff:/, '') ?? ''
  if (isLoopback(direct) && c.req.header('x-forwarded-for') === undefined) return
  throw new AppError('forbidden', 'Set PARLEY_METRICS_TOKEN to read metrics from another machine')
}
