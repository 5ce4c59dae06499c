import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { createChat } from '@parley/chat'
import {
  configSource,
  createLogger,
  type KernelSettings,
  kernelSettings,
  type Logger,
  readSettings,
  Scope,
} from '@parley/core/kernel'
import { createFoundation, createPlatform } from '@parley/core/platform'
import { messageSendGuard } from '@parley/core/webhooks'
import { createAuthenticator, createIdentity } from '@parley/identity'
import { createRtc } from '@parley/rtc'
import { serveDemo } from './demo.ts'
import { type DevelopmentKey, ensureDevelopmentKey, refuseDevelopmentLeftovers } from './development.ts'
import { version } from './version.ts'

export interface StartOptions {
  env: Record<string, string | undefined>
  onStep?: (text: string) => void
  /** Instead of one that writes to standard error. */
  logger?: Logger
}

export interface RunningServer {
  url: string
  contentUrl: string
  dataDir: string
  /** True when the demo and its open tokens are served. */
  demo: boolean
  /** Stops taking work, finishes what was accepted, closes everything. */
  close(): Promise<void>
}

/** Puts the parts together and listens. This is the only place that knows every module. */
export async function startServer({
  env,
  onStep = () => undefined,
  logger: given,
}: StartOptions): Promise<RunningServer> {
  const source = configSource(env)
  const read = readSettings(kernelSettings, source)
  const kernel: KernelSettings = { ...read, dataDir: resolve(read.dataDir) }
  mkdirSync(kernel.dataDir, { recursive: true, mode: 0o700 })
  if (kernel.mode === 'production') refuseDevelopmentLeftovers(source, kernel.dataDir)
  const logger = given ?? createLogger({ level: kernel.logLevel })
  const scope = new Scope('server', logger)
  try {
    return await compose({ source, kernel, logger, scope, version, onStep })
  } catch (error) {
    await scope.close()
    throw error
  }
}

type CompositionOptions = Parameters<typeof createFoundation>[0]

async function compose(options: CompositionOptions): Promise<RunningServer> {
  const { kernel, logger, scope, onStep } = options
  const foundation = await createFoundation(options)
  onStep('Preparing the schemas')
  const authenticator = createAuthenticator(foundation)
  const platform = await createPlatform(foundation, authenticator, version)
  const identity = await createIdentity(platform, { authenticator })
  await createChat(platform, {
    users: identity.users,
    projects: identity.projects,
    attachments: platform.objects,
    sendGuards: [messageSendGuard(platform.webhooks.hooks)],
  })
  const rtc = await createRtc(platform, { authenticator })
  platform.webhooks.start()
  await foundation.outbox.tailing()
  const development = kernel.mode === 'development'
  const demo = development && kernel.demo
  let key: DevelopmentKey | undefined
  if (demo) serveDemo(platform, () => key)
  const { url, contentUrl } = await platform.listen()
  if (development) key = await ensureDevelopmentKey({ dataDir: kernel.dataDir, url, identity, authenticator })
  logger.info({ url, contentUrl, processId: platform.processId, version }, 'server ready')
  const close = async (): Promise<void> => {
    // Rooms first, while their members can still be told.
    await rtc?.close()
    await platform.drain()
    await scope.close()
  }
  return { url, contentUrl, dataDir: kernel.dataDir, demo, close }
}
