import { AppError, type EndpointInput, newId, type pushEndpoints } from '@parley/contracts'
import type { ProjectScope, Transaction } from '@parley/core/store'
import type { PushSettings } from '../config.ts'
import { whySuppressed } from '../preference/decision.ts'
import type { PreferenceStore } from '../preference/preference-store.ts'
import type { Languages } from '../template/built-in.ts'
import { inLanguage, render } from '../template/render.ts'
import type { TemplateStore } from '../template/template-store.ts'
import type { DeliveryStore, NewDelivery } from './delivery-store.ts'

type SendBody = EndpointInput<typeof pushEndpoints.sendPush>['body']

export interface DirectSendParts {
  deliveries: DeliveryStore
  preferences: PreferenceStore
  templates: TemplateStore
  settings: PushSettings
}

export interface SentBatch {
  batchId: string
  waiting: number
  suppressed: number
}

/** Pushes that the customer's server asks for; they stand in the transaction. Throws `not-found` for the template. */
export async function sendDirectly(
  parts: DirectSendParts,
  project: ProjectScope,
  tx: Transaction,
  body: SendBody,
): Promise<SentBatch> {
  const { deliveries, preferences, templates, settings } = parts
  const { projectId } = project
  const texts = await textsOf(templates, tx, projectId, body)
  const batchId = newId('pushBatch')
  const userIds = [...new Set(body.userIds)]
  const devices = await deliveries.devicesOf(tx, projectId, userIds)
  const wishes = await preferences.read(tx, projectId, userIds, undefined)
  const at = new Date()
  const base = { sourceId: batchId, expiresAtMs: at.getTime() + (body.ttlMs ?? settings.ttlMs) }
  const made: NewDelivery[] = []
  for (const userId of userIds) {
    const own = devices.filter((device) => device.userId === userId)
    const wish = wishes.get(userId)
    const quietHours = body.quietHours === 'ignore' ? undefined : wish?.quietHours
    const why =
      own.length === 0 ? 'no-device' : wish && whySuppressed({ ...wish, quietHours }, { mentioned: true, at })
    if (why !== undefined) made.push({ ...base, userId, suppressed: why })
    else {
      for (const { deviceId, provider, language } of own) {
        const notification = {
          ...render(inLanguage(texts, language), body.variables ?? {}),
          data: body.data ?? {},
          ...(body.collapseId !== undefined && { collapseId: body.collapseId }),
        }
        made.push({ ...base, userId, deviceId, provider, notification })
      }
    }
  }
  await deliveries.add(tx, projectId, made)
  const suppressed = made.filter((delivery) => delivery.suppressed !== undefined).length
  return { batchId, waiting: made.length - suppressed, suppressed }
}

async function textsOf(
  templates: TemplateStore,
  tx: Transaction,
  projectId: string,
  { template, title = '', body = '' }: SendBody,
): Promise<Languages> {
  if (template === undefined) return { en: { title, body } }
  const found = await templates.first(tx, projectId, [template])
  if (found === undefined) throw new AppError('not-found', `There is no template ${template}`)
  return found
}
