import type {
  ClientFrameBody,
  EnterpriseOperations,
  EnterpriseServerEvents,
  FrameAnswers,
} from '@parley/contracts'
import type { Chat } from '../chat/chat.ts'
import { randomId } from '../random-id.ts'

type Frame = keyof EnterpriseOperations
type Given<T extends Frame> = ClientFrameBody<T>
type Answer<T extends Frame> = Promise<FrameAnswers[T]>

/** What a client hears of its organisation; `parley.on('enterprise', ...)`. */
export type EnterpriseEvent = {
  [T in keyof EnterpriseServerEvents]: { type: T } & EnterpriseServerEvents[T]
}[keyof EnterpriseServerEvents]

/** Where the request can be sent: `parley.chat`. */
export type EnterpriseAccess = Pick<Chat, 'request'>

export interface Directory {
  /** Below one, or at the top. */
  departments(page?: Given<'directory.departments'>): Answer<'directory.departments'>
  department(departmentId: string): Answer<'directory.department'>
  /** Of a department, with a tag, or all. */
  members(page?: Given<'directory.members'>): Answer<'directory.members'>
  member(userId: string): Answer<'directory.member'>
  /** By a part of the name, initials, or an exact employee number, phone or e-mail. */
  search(text: string, limit?: number): Answer<'directory.search'>
  /** What changed since the cursor; where `reset` is true, what the device has is void. */
  changes(cursor?: string): Answer<'directory.sync'>
}

/** Departments and members as the user may see them. */
export function directoryOf(access: EnterpriseAccess): Directory {
  return {
    departments: (page = {}) => ask(access, 'directory.departments', page),
    department: (departmentId) => ask(access, 'directory.department', { departmentId }),
    members: (page = {}) => ask(access, 'directory.members', page),
    member: (userId) => ask(access, 'directory.member', { userId }),
    search: (text, limit) => ask(access, 'directory.search', { text, ...(limit !== undefined && { limit }) }),
    changes: (cursor) => ask(access, 'directory.sync', { ...(cursor !== undefined && { cursor }) }),
  }
}

/** Presses a button or chooses an option of a card. Told once, also over a lost connection. */
export function clickCard(
  access: EnterpriseAccess,
  messageId: string,
  actionId: string,
  value?: string,
): Answer<'card.click'> {
  const clickId = randomId('click')
  return ask(access, 'card.click', { messageId, clickId, actionId, ...(value !== undefined && { value }) })
}

export interface Approvals {
  templates(page?: Given<'approval.templates'>): Answer<'approval.templates'>
  /** Submitted once, also over a lost connection. */
  submit(templateId: string, form: Given<'approval.submit'>['form']): Answer<'approval.submit'>
  list(query: Given<'approval.list'>): Answer<'approval.list'>
  get(approvalId: string): Answer<'approval.get'>
  /** `step` is the one that the user has seen as current, from 0: a repetition never decides the next one. */
  decide(decision: Given<'approval.decide'>): Answer<'approval.decide'>
  transfer(transfer: Given<'approval.transfer'>): Answer<'approval.transfer'>
  addApprover(addition: Given<'approval.add-approver'>): Answer<'approval.add-approver'>
  withdraw(approvalId: string): Answer<'approval.withdraw'>
  /** Not sent again by itself: twice would be two comments. */
  comment(approvalId: string, text: string): Answer<'approval.comment'>
}

/** What the user asks for, and what others ask of the user. */
export function approvalsOf(access: EnterpriseAccess): Approvals {
  return {
    templates: (page = {}) => ask(access, 'approval.templates', page),
    submit: (templateId, form) =>
      ask(access, 'approval.submit', { requestId: randomId('request'), templateId, form }),
    list: (query) => ask(access, 'approval.list', query),
    get: (approvalId) => ask(access, 'approval.get', { approvalId }),
    decide: (decision) => ask(access, 'approval.decide', decision),
    transfer: (transfer) => ask(access, 'approval.transfer', transfer),
    addApprover: (addition) => ask(access, 'approval.add-approver', addition),
    withdraw: (approvalId) => ask(access, 'approval.withdraw', { approvalId }),
    comment: (approvalId, text) => access.request('approval.comment', { approvalId, text }),
  }
}

/** Asked again after a lost connection: all of these are the same when done twice. */
function ask<T extends Frame>(access: EnterpriseAccess, type: T, given: Given<T>): Answer<T> {
  return access.request(type, given, { resend: true })
}
