import { AppError, type ClientFrameType, clientFrames, type Restriction } from '@parley/contracts'
import { readSettings } from '@parley/core/kernel'
import type { Platform } from '@parley/core/platform'
import { RoomCluster } from './cluster/room-cluster.ts'
import { localOperations } from './cluster/room-operations.ts'
import { rtcSettings } from './config.ts'
import { rtcMigrations } from './migrations/index.ts'
import type { RtcPorts } from './ports.ts'
import { registerFrames } from './realtime.ts'
import { RoomStore } from './room/room-store.ts'
import { Rooms } from './room/rooms.ts'
import { refuseRoutes, registerRoutes } from './routes.ts'
import { addRtcMetrics } from './rtc-metrics.ts'
import { RtcService } from './service.ts'
import { mediaAddresses } from './sfu/addresses.ts'
import { SfuPool } from './sfu/sfu-pool.ts'
import { QualityReporter } from './usage/quality-reporter.ts'
import { UsageMeter } from './usage/usage-meter.ts'
import { refuseWhip, registerWhip } from './whip/whip-routes.ts'

const toldByWebhooks = [
  'room.created',
  'room.closed',
  'room.participant-joined',
  'room.participant-left',
  'room.publication-added',
  'room.publication-removed',
] as const
const speakersEveryMs = 300
const watchersEveryMs = 500
const relaysEveryMs = 500
const usageEveryMs = 1_000
const qualityEveryMs = 2_000
const grantsEveryMs = 2_000

/**
 * Starts rooms on the platform: schema, REST, realtime, WHIP and WHEP, and the media workers. The platform's scope owns
 * what is started. Without the native packet path everything here answers `not-implemented` and nothing else suffers.
 */
export async function createRtc(platform: Platform, ports: RtcPorts): Promise<RtcService | undefined> {
  const { http, gateway, database, outbox, processId, ledger, telemetry } = platform
  const settings = readSettings(rtcSettings, platform.source)
  if (!settings.enabled) {
    refuse(platform, new AppError('not-implemented', 'Audio and video are switched off: PARLEY_RTC'))
    return undefined
  }
  const scope = platform.scope.child('rtc')
  const logger = platform.logger.child({ module: 'rtc' })
  await database.migrate(rtcMigrations)
  for (const type of toldByWebhooks) platform.webhooks.forward(type)

  const addresses = mediaAddresses({
    local: settings.mediaAddresses,
    publicAddress: settings.publicAddress,
    loopback: platform.kernel.mode === 'development',
  })
  const pool = new SfuPool({
    ...{ size: settings.workers, port: settings.mediaPort, addresses, logger },
    ...{ consentMs: settings.consentMs, spread: settings.roomSpread },
    ...{ silenceMs: settings.workerSilenceMs, scriptSilenceMs: settings.workerScriptSilenceMs },
    full: settings.workerFullPercent / 100,
    ...(ports.sfuEntry !== undefined && { entry: ports.sfuEntry }),
  })
  scope.own('media workers', pool)
  const usage = scope.own('usage', new UsageMeter(ledger, logger))
  const { clusterAddress } = settings
  const cluster: RoomCluster | undefined =
    clusterAddress === undefined
      ? undefined
      : new RoomCluster({
          ...{ gateway, keys: platform.masterKey, logger, scope },
          holderOf: async (projectId, roomId) =>
            rooms.get(projectId, roomId) === undefined ? store.holderAddress(projectId, roomId) : undefined,
        })
  const store = new RoomStore({
    ...{ database, outbox, processId, leaseMs: settings.roomLeaseMs },
    address: () => cluster?.address,
  })
  scope.onClose('leases', () => store.releaseAll())
  const rooms = new Rooms({
    ...{ store, pool, usage, logger, processId, leaseMs: settings.roomLeaseMs, limits: settings },
    encode: (event) => gateway.encode(event),
  })
  const turn = { urls: settings.turnUrls, secret: settings.turnSecret, ttlMs: settings.turnTtlMs }
  const rtc = new RtcService({ rooms, store, turn, guards: ports.guards ?? [] })

  const operations = cluster ?? localOperations
  registerRoutes(http, rtc, operations)
  registerFrames(cluster ?? gateway, rtc, telemetry)
  registerWhip(http, { rtc, operations, authenticator: ports.authenticator })
  if (clusterAddress !== undefined) await cluster?.listen(clusterAddress)
  const quality = new QualityReporter({ rooms, pool, telemetry })
  addRtcMetrics(platform.metrics, { rooms, pool, quality })
  // Workers that fail later cost rooms, but chat and REST of this process go on.
  http.readiness('rtc', () => (pool.starting ? 'the media workers are starting' : undefined))

  scope.own('rooms', rtc)
  const stopBans = outbox.tail({
    types: ['restriction.created'],
    handle: async (events) => {
      for (const { projectId, data } of events) {
        if ('restriction' in data && endsMedia(data.restriction))
          rtc.removeUser(projectId, data.restriction.userId)
      }
    },
  })
  scope.onClose('bans', stopBans)
  scope.every('speakers', speakersEveryMs, () => {
    for (const room of rooms.alive) room.lookAtSpeakers()
  })
  scope.every('network levels', qualityEveryMs, () => {
    for (const room of rooms.alive) room.tellNetworkLevels()
  })
  if (settings.congestion) {
    scope.every('watchers', watchersEveryMs, () => {
      for (const room of rooms.alive) room.lookAtWatchers(performance.now())
    })
  }
  scope.every('relays', relaysEveryMs, () => {
    for (const room of rooms.alive) room.lookAtRelays(performance.now())
  })
  scope.every('usage', usageEveryMs, () => usage.flush())
  for (let index = 0; index < pool.size; index++) {
    // Each at its own pace: one that answers late keeps no other waiting.
    scope.every(`quality of worker ${index}`, qualityEveryMs, () => quality.report(index))
  }
  scope.every('grants', grantsEveryMs, () => rtc.checkGrants())
  scope.every('room leases', Math.floor(settings.roomLeaseMs / 3), () => rooms.extendLeases())
  pool.start()
  return rtc
}

/** A ban from one conversation says nothing about rooms; one that is over by now says nothing at all. */
function endsMedia({ kind, conversationId, untilMs }: Restriction): boolean {
  return kind === 'ban' && conversationId === undefined && (untilMs === undefined || untilMs > Date.now())
}

function refuse({ http, gateway }: Platform, reason: AppError): void {
  refuseRoutes(http, reason)
  refuseWhip(http, reason)
  const types = Object.keys(clientFrames) as ClientFrameType[]
  for (const type of types) {
    if (type.startsWith('rtc.')) gateway.handle(type, () => Promise.reject(reason))
  }
}
