import type {
  EndpointAnswer,
  PushDevice,
  PushLevel,
  PushPreferences,
  pushEndpoints,
  pushRegistration,
} from '@parley/contracts'
import type { z } from 'zod'
import type { Parley } from '../parley.ts'
import { segment } from '../rest.ts'

type Endpoints = typeof pushEndpoints
export type PushPreferencesChange = Omit<z.input<Endpoints['putPushPreferences']['body'] & {}>, 'userId'>
export type PushRegistration = Omit<z.input<typeof pushRegistration>, 'userId'>

/** Of what the user wants to hear, on all devices. */
export function getPushPreferences(parley: Parley): Promise<PushPreferences> {
  return parley.rest.call('GET', '/v1/push/preferences')
}

/** What is not named stays; `quietHours: null` ends them. */
export function updatePushPreferences(
  parley: Parley,
  change: PushPreferencesChange,
): Promise<PushPreferences> {
  return parley.rest.call('PUT', '/v1/push/preferences', { body: change })
}

/** Of one conversation; null follows the level of the user again. */
export async function setConversationPush(
  parley: Parley,
  conversationId: string,
  level: PushLevel | null,
): Promise<void> {
  const path = `/v1/push/preferences/conversations/${segment(conversationId)}`
  await parley.rest.call('PUT', path, { body: { level } })
}

/** Says how this device is reached, where that is no browser (`enableWebPush` is for those). */
export function registerPushDevice(parley: Parley, registration: PushRegistration): Promise<PushDevice> {
  return parley.rest.call('PUT', pathOf(parley.deviceId), { body: registration })
}

export async function listPushDevices(parley: Parley): Promise<PushDevice[]> {
  type Page = EndpointAnswer<Endpoints['listPushDevices']>
  return (await parley.rest.call<Page>('GET', '/v1/push/devices')).items
}

/** Pushes to a device no longer; this one unless told. */
export async function removePushDevice(parley: Parley, deviceId = parley.deviceId): Promise<void> {
  await parley.rest.call('DELETE', pathOf(deviceId))
}

const pathOf = (deviceId: string): string => `/v1/push/devices/${segment(deviceId)}`
