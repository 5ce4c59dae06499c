import { chatSettings } from '@parley/chat'
import { gatewaySettings } from '@parley/core/gateway'
import { httpSettings } from '@parley/core/http'
import { kernelSettings } from '@parley/core/kernel'
import { objectSettings } from '@parley/core/objects'
import { storeSettings } from '@parley/core/store'
import { webhookSettings } from '@parley/core/webhooks'
import { identitySettings } from '@parley/identity'
import { rtcSettings } from '@parley/rtc'

/** Every setting of the server by the room that reads it, as the documentation lists them. */
export const serverSettings = {
  kernel: kernelSettings,
  store: storeSettings,
  http: httpSettings,
  gateway: gatewaySettings,
  objects: objectSettings,
  webhooks: webhookSettings,
  identity: identitySettings,
  chat: chatSettings,
  rtc: rtcSettings,
} as const
