import type { ContentKind, ModerationVerdict } from '@parley/contracts'

/** A piece of content that is looked at on its own. */
export type ContentPart =
  | { kind: 'text'; text: string }
  | {
      kind: Exclude<ContentKind, 'text'>
      /** A stored file; the audit gets a signed address of it. */
      objectId?: string
      /** Or an address where the content lies, such as that of a snapshot. */
      url?: string
      /** Names the place in a running stream: room, publication, time. */
      reference?: string
      contentType?: string
    }

/** What is to be screened: a message, a profile, a snapshot of running video, a slice of running audio. */
export interface ScreeningSubject {
  projectId: string
  source:
    | 'message'
    | 'profile'
    | 'friend-request'
    | 'moment'
    | 'comment'
    | 'stream-text'
    | 'video-snapshot'
    | 'audio-slice'
  userId?: string
  conversationId?: string
  conversationType?: string
  messageId?: string
  /** Where a case points that a review opens. Absent: the message, the conversation or the user. */
  target?: { type: 'message' | 'user' | 'conversation' | 'room'; id: string }
  parts: readonly ContentPart[]
}

export interface Screening {
  verdict: ModerationVerdict
  /** Such as `muted`, `banned`, `word`, `audit`, or what the audit service said. */
  reasons: string[]
  /** The parts as they may be stored, in the order given: texts with words replaced. */
  parts: ContentPart[]
  /** The case that holds the evidence, where one was opened. */
  evidenceId?: string
}
