import { createServer } from 'node:net'
import { integer, readSettings } from '@parley/core/kernel'
import { z } from 'zod'
import { type Check, type Finding, fine, lacking, problem } from './finding.ts'

const answerTimeoutMs = 3_000
const clockToleranceMs = 30_000

const mediaSettings = {
  mediaPort: integer('PARLEY_MEDIA_PORT', { default: 7701, max: 65_535 }, 'First port of media'),
} as const

const readiness = z.object({ status: z.string(), parts: z.record(z.string(), z.string()) })

export const checkPorts: Check = async ({ installation }) => {
  const { port, contentPort, host } = installation.settings
  const { mediaPort } = readSettings(mediaSettings, installation.source)
  const ours = await isParley(installation.url())
  return [
    await checkPort('Port', port, host, 'PARLEY_PORT', ours),
    await checkPort('Content port', contentPort, host, 'PARLEY_CONTENT_PORT', ours),
    await checkPort('Media port', mediaPort, host, 'PARLEY_MEDIA_PORT', ours),
  ]
}

async function checkPort(
  name: string,
  port: number,
  host: string,
  setting: string,
  ours: boolean,
): Promise<Finding> {
  if (port === 0) return fine(name, 'a free one is picked at each start')
  const trouble = await listenTrouble(port, host)
  if (trouble === undefined) return fine(name, `${port} is free`)
  if (trouble === 'EADDRINUSE' && ours) return fine(name, `${port} is in use while Parley runs`)
  if (trouble === 'EADDRINUSE') {
    return problem(name, `another program listens on ${port}`, `Stop it, or set ${setting} to another port`)
  }
  return problem(name, `${host}:${port} cannot be listened on (${trouble})`, `Set ${setting}, or PARLEY_HOST`)
}

function listenTrouble(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}

export const checkServer: Check = async ({ installation }) => {
  const url = installation.url()
  const began = Date.now()
  const response = await ask(url, '/readyz')
  if (!response) return [lacking('Server', `none answers at ${url}`, 'npm start')]
  const parsed = readiness.safeParse(await response.json().catch(() => undefined))
  if (!parsed.success) {
    return [problem('Server', `${url} is answered by something else`, 'Set PARLEY_PORT or PARLEY_URL')]
  }
  const unwell = Object.entries(parsed.data.parts).filter(([, state]) => state !== 'ok')
  const findings =
    parsed.data.status === 'ready'
      ? [fine('Server', `${url} is ready`)]
      : [
          problem(
            'Server',
            `${url}: ${unwell.map(([part, state]) => `${part} ${state}`).join(', ')}`,
            'See its log',
          ),
        ]
  return [...findings, ...serverClock(response.headers.get('date'), began)]
}

function serverClock(date: string | null, nowMs: number): Finding[] {
  const offMs = date === null ? 0 : Math.abs(Date.parse(date) - nowMs)
  if (!(offMs > clockToleranceMs)) return []
  const detail = `differs from this one by ${Math.round(offMs / 1000)} s`
  return [problem('Clock of the server', detail, 'Synchronise both: tokens of the future are refused')]
}

async function isParley(url: string): Promise<boolean> {
  const response = await ask(url, '/healthz')
  const body: unknown = await response?.json().catch(() => undefined)
  return z.object({ status: z.literal('ok') }).safeParse(body).success
}

async function ask(url: string, path: string): Promise<Response | undefined> {
  try {
    return await fetch(new URL(path, url), {
      signal: AbortSignal.timeout(answerTimeoutMs),
      redirect: 'error',
    })
  } catch {
    return undefined
  }
}
