import type { Json } from '@parley/core/bus'

/** One thing that happened and may be billed, counted or shown. */
export interface LedgerFact {
  /** Chosen by the writer so that a repeat has the same; unique within the project. */
  id: string
  projectId: string
  /** `resource.past-verb`, such as `message.created`. */
  type: string
  /** What it is about, such as `conversation/conv_...`. */
  subject: string
  occurredAt: Date
  /** Whole units of what the type says: messages, bytes, milliseconds. */
  quantity?: number
  data: Readonly<Record<string, Json>>
}

/** CloudEvents 1.0, JSON format. */
export interface CloudEvent {
  specversion: '1.0'
  id: string
  source: string
  type: string
  subject: string
  time: string
  datacontenttype: 'application/json'
  data: Readonly<Record<string, Json>>
}

/** The quantity becomes a member of the data. */
export function toCloudEvent(fact: LedgerFact): CloudEvent {
  return {
    specversion: '1.0',
    id: fact.id,
    source: `/v1/projects/${encodeURIComponent(fact.projectId)}`,
    type: fact.type,
    subject: fact.subject,
    time: fact.occurredAt.toISOString(),
    datacontenttype: 'application/json',
    data: fact.quantity === undefined ? fact.data : { ...fact.data, quantity: fact.quantity },
  }
}

export interface FrameSize {
  /** Pixels. */
  width: number
  height: number
}

/**
 * A stretch of use in which nothing that is metered changed: who received what, of which size. Cut at every change
 * by ending it and opening another id; a heartbeat moves `to`.
 */
export interface UsageInterval {
  /** Chosen by the writer; unique within the project. */
  id: string
  projectId: string
  subscriber: string
  publication?: string
  /** What is metered, such as `rtc-audio`, `rtc-video`, `recording`. */
  kind: string
  from: Date
  to: Date
  received?: FrameSize
  published?: FrameSize
  /** Who measured it, such as a worker's id. */
  source: string
}
