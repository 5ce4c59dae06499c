import { chatSettings } from '@parley/chat'
import { gatewaySettings } from '@parley/core/gateway'
import { httpSettings } from '@parley/core/http'
import { kernelSettings } from '@parley/core/kernel'
import { objectSettings } from '@parley/core/objects'
import { storeSettings } from '@parley/core/store'
import { tlsSettings } from '@parley/core/tls'
import { webhookSettings } from '@parley/core/webhooks'
import { enterpriseSettings } from '@parley/enterprise'
import { identitySettings } from '@parley/identity'
import { moderationSettings } from '@parley/moderation'
import { pushSettings } from '@parley/push'
import { rtcSettings } from '@parley/rtc'
import { socialModuleSettings } from '@parley/social'

/** Every setting of the server by the room that reads it, as the documentation lists them. */
export const serverSettings = {
  kernel: kernelSettings,
  store: storeSettings,
  http: httpSettings,
  tls: tlsSettings,
  gateway: gatewaySettings,
  objects: objectSettings,
  webhooks: webhookSettings,
  identity: identitySettings,
  chat: chatSettings,
  moderation: moderationSettings,
  social: socialModuleSettings,
  push: pushSettings,
  enterprise: enterpriseSettings,
  rtc: rtcSettings,
} as const
