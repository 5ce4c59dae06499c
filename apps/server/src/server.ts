import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { chatPersonalData, createChat } from '@parley/chat'
import {
  configSource,
  createLogger,
  type KernelSettings,
  kernelSettings,
  type Logger,
  readSettings,
  Scope,
} from '@parley/core/kernel'
import { openPersonalData } from '@parley/core/personal-data'
import { createFoundation, createPlatform } from '@parley/core/platform'
import { conversationJoinGuard, messageSendGuard, packetClaimGuard, roomGuard } from '@parley/core/webhooks'
import { createEnterprise, enterprisePersonalData } from '@parley/enterprise'
import { createAuthenticator, createIdentity } from '@parley/identity'
import { createModeration, moderationPersonalData } from '@parley/moderation'
import { createPush, pushPersonalData } from '@parley/push'
import { createRtc } from '@parley/rtc'
import { createSocial, socialPersonalData } from '@parley/social'
import { chatFiles } from './chat-files.ts'
import { serveDemo } from './demo.ts'
import { type DevelopmentKey, ensureDevelopmentKey, refuseDevelopmentLeftovers } from './development.ts'
import { enterprisePorts } from './enterprise-ports.ts'
import { messageLog } from './message-log.ts'
import { pushPorts } from './push-ports.ts'
import { profileGate, streamGate } from './screening-ports.ts'
import { contentGate, joinGuards } from './social-ports.ts'
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
  /** How a client gets to trust a certificate that this machine made for itself. */
  trust?: string | undefined
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
  const moderation = await createModeration(platform, {
    users: identity.users,
    tokens: authenticator,
    files: platform.objects,
  })
  identity.screenProfilesBy(profileGate(moderation.screening))
  const social = await createSocial(platform, {
    users: identity.users,
    media: platform.objects,
    gate: contentGate(moderation.screening),
    presence: identity.presence,
  })
  const chat = await createChat(platform, {
    users: identity.users,
    accounts: identity.users,
    projects: identity.projects,
    attachments: chatFiles(platform.objects, social),
    sendGuards: [social.sendGuard, moderation.sendGuard, messageSendGuard(platform.webhooks.hooks)],
    streamGate: streamGate(moderation.screening),
    joinGuard: joinGuards(social.joinGuard, conversationJoinGuard(platform.webhooks.hooks)),
    packetGuard: packetClaimGuard(platform.webhooks.hooks),
  })
  await moderation.start(messageLog(chat))
  await createPush(platform, pushPorts(chat, identity, social))
  await createEnterprise(platform, enterprisePorts({ platform, authenticator, identity, chat }))
  const rtc = await createRtc(platform, { authenticator, guards: [roomGuard(platform.webhooks.hooks)] })
  await openPersonalData(platform, {
    sources: [
      identity.personalData,
      ...chatPersonalData(chat.parts, platform.objects),
      socialPersonalData,
      pushPersonalData,
      moderationPersonalData,
      enterprisePersonalData(platform.masterKey),
    ],
    requireUser: (project, userId) => identity.users.ensure(project, [userId]),
    requireConversation: async ({ projectId }, conversationId) => {
      await chat.conversation(projectId, conversationId, undefined)
    },
  })
  platform.webhooks.start()
  await foundation.outbox.tailing()
  const development = kernel.mode === 'development'
  const demo = development && kernel.demo
  let key: DevelopmentKey | undefined
  let local = ''
  if (demo) serveDemo(platform, () => key && { ...key, url: local })
  const { url, contentUrl, localUrl } = await platform.listen()
  local = localUrl
  if (development) key = await ensureDevelopmentKey({ dataDir: kernel.dataDir, url, identity, authenticator })
  logger.info({ url, contentUrl, processId: platform.processId, version }, 'server ready')
  const close = async (): Promise<void> => {
    // Rooms first, while their members can still be told.
    await rtc?.close()
    await platform.drain()
    await scope.close()
  }
  return { url, contentUrl, trust: platform.tls.advice, dataDir: kernel.dataDir, demo, close }
}
