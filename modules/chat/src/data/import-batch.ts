import {
  AppError,
  type ErrorCode,
  type ImportLine,
  importLine,
  isStorableText,
  type StoredContent,
} from '@parley/contracts'
import { directConversationId } from '../conversation/direct-id.ts'
import { withAttachment } from '../message/attachments.ts'
import type { MessageParts } from '../message/message-parts.ts'

export interface NumberedLine {
  line: number
  text: string
}

export interface ImportProblem {
  line: number
  code: ErrorCode
  detail: string
}

export interface ImportContext {
  parts: Pick<MessageParts, 'database' | 'ports' | 'settings'>
  projectId: string
  operationId: string
  createUsers: boolean
}

export type ConversationLine = Extract<ImportLine, { type: 'conversation' }>
type MessageLine = Extract<ImportLine, { type: 'message' }>
interface Parsed<Line> {
  line: number
  value: Line
}
export interface ReadyMessage extends Parsed<MessageLine> {
  conversationId: string
  content: StoredContent
}

/** A batch whose lines were judged as far as that goes without a lock. */
export interface PreparedBatch {
  conversations: Parsed<ConversationLine>[]
  directs: Map<string, string[]>
  messages: ReadyMessage[]
  problems: ImportProblem[]
}

/** Types that stand for something which happened here, or refer to messages by ids that are not known yet. */
const notImported = new Set(['packet', 'merged-forward'])

/** Reads the lines, finds users and files; what does not fit becomes a problem of its line. */
export async function prepareBatch(
  context: ImportContext,
  lines: readonly NumberedLine[],
): Promise<PreparedBatch> {
  const problems: ImportProblem[] = []
  const conversations: Parsed<ConversationLine>[] = []
  const messages: Parsed<MessageLine>[] = []
  for (const { line, text } of lines) {
    const value = parse(text, (code, detail) => problems.push({ line, code, detail }))
    if (value?.type === 'conversation') conversations.push({ line, value })
    else if (value?.type === 'message') messages.push({ line, value })
  }
  const missing = await missingUsers(context, conversations, messages)
  const known = <Line>(parsed: Parsed<Line>, userIds: readonly string[]): boolean => {
    const absent = userIds.find((userId) => missing.has(userId))
    if (absent === undefined) return true
    problems.push({ line: parsed.line, code: 'user-not-found', detail: `There is no user ${absent}` })
    return false
  }
  const directs = new Map<string, string[]>()
  const ready: ReadyMessage[] = []
  for (const parsed of messages) {
    const { value } = parsed
    const { senderId, toUserId } = value
    if (!known(parsed, toUserId === undefined ? [senderId] : [senderId, toUserId])) continue
    const content = await storedContentOf(context, parsed, problems)
    if (content === undefined) continue
    const conversationId =
      toUserId === undefined ? value.conversationId : directConversationId(senderId, toUserId)
    if (conversationId === undefined) continue
    if (toUserId !== undefined) directs.set(conversationId, [...new Set([senderId, toUserId])].sort())
    ready.push({ ...parsed, conversationId, content })
  }
  return {
    conversations: conversations.filter((parsed) => known(parsed, usersOf(parsed.value))),
    directs,
    messages: ready,
    problems,
  }
}

function parse(text: string, refuse: (code: ErrorCode, detail: string) => void): ImportLine | undefined {
  if (text.trim() === '') return undefined
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    refuse('invalid-json', 'The line is not JSON')
    return undefined
  }
  const parsed = importLine.safeParse(read)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    refuse('invalid-request', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'does not fit'}`)
    return undefined
  }
  // Free JSON (custom content, custom data) is not held against it field by field.
  if (text.includes('\\u') && !isStorableText(stringsOf(parsed.data))) {
    refuse('invalid-request', 'The line holds U+0000 or a lone surrogate')
    return undefined
  }
  const value = parsed.data
  if (value.type === 'conversation') return value
  if ((value.conversationId === undefined) === (value.toUserId === undefined)) {
    refuse('invalid-request', 'give either conversationId or toUserId')
    return undefined
  }
  if (notImported.has(value.content.type)) {
    refuse('invalid-request', `Messages of type ${value.content.type} are not imported`)
    return undefined
  }
  if (Date.parse(value.createdAt) > Date.now()) {
    refuse('invalid-request', 'createdAt lies ahead')
    return undefined
  }
  return value
}

/** All keys and strings, one after the other. */
function stringsOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (value === null || typeof value !== 'object') return ''
  return Object.entries(value)
    .map(([key, inner]) => `${key} ${stringsOf(inner)}`)
    .join(' ')
}

const usersOf = (line: ConversationLine): string[] => line.members.map(({ userId }) => userId)

async function missingUsers(
  { parts, projectId, createUsers }: ImportContext,
  conversations: readonly Parsed<ConversationLine>[],
  messages: readonly Parsed<MessageLine>[],
): Promise<Set<string>> {
  const wanted = new Set(conversations.flatMap(({ value }) => usersOf(value)))
  for (const { value } of messages) {
    wanted.add(value.senderId)
    if (value.toUserId !== undefined) wanted.add(value.toUserId)
  }
  const { accounts } = parts.ports
  if (accounts === undefined) throw new AppError('not-implemented')
  const existing = await accounts.exists(projectId, wanted)
  const missing = [...wanted].filter((userId) => !existing.has(userId))
  if (!createUsers || missing.length === 0) return new Set(missing)
  await accounts.make(projectId, missing)
  return new Set()
}

async function storedContentOf(
  { parts, projectId }: ImportContext,
  { line, value }: Parsed<MessageLine>,
  problems: ImportProblem[],
): Promise<StoredContent | undefined> {
  const { content } = value
  if (content.type === 'merged-forward') return undefined
  try {
    return await withAttachment(parts.ports.attachments, parts.database.project(projectId), content)
  } catch (error) {
    if (!(error instanceof AppError) || error.retryable) throw error
    problems.push({ line, code: error.code, detail: error.message })
    return undefined
  }
}
