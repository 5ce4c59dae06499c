import { pushDeviceCalls } from './push-devices.ts'
import { pushPreferenceCalls } from './push-preferences.ts'
import { pushProviderCalls } from './push-providers.ts'
import { pushSendCalls } from './push-sends.ts'

export {
  type PushProvider,
  pushProvider,
  pushProviders,
} from './push-call.ts'
export {
  languageTag,
  type PushDevice,
  pushDevice,
  pushRegistration,
  timeZone,
  type WebPushSubscription,
  webPushSubscription,
} from './push-devices.ts'
export {
  type PushLevel,
  type PushPreferences,
  pushLevel,
  pushPreferences,
  type QuietHours,
  quietHours,
} from './push-preferences.ts'
export {
  type PushCredentials,
  type PushProviderState,
  pushCredentials,
  pushProviderState,
} from './push-providers.ts'
export {
  type PushReceipt,
  type PushTemplate,
  pushFailureReasons,
  pushReceipt,
  pushTemplate,
  suppressionReasons,
} from './push-sends.ts'

export const pushEndpoints = {
  ...pushDeviceCalls,
  ...pushProviderCalls,
  ...pushPreferenceCalls,
  ...pushSendCalls,
} as const
