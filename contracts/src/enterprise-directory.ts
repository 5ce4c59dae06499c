import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { customId, text } from './ids.ts'
import { operation } from './operation.ts'
import { done, pageOf, pageQuery, timestamp } from './pagination.ts'

export const maxMemberDepartments = 20
export const maxMemberTags = 20
export const maxDepartmentDepth = 20
/** Text of one import. A longer one comes in several. */
export const maxImportCharacters = 1_000_000

const phone = z.string().regex(/^\+?[0-9]{3,20}$/, 'must be digits, with or without a leading +')
const email = z.email().max(254)
const tagName = text(64).min(1)

export const departmentVisibility = z
  .discriminatedUnion('to', [
    z.object({ to: z.literal('all') }),
    z.object({ to: z.literal('own') }).meta({ description: 'Those in it and below it' }),
    z.object({
      to: z.literal('chosen'),
      departmentIds: z.array(customId).max(100).default([]),
      userIds: z.array(customId).max(100).default([]),
    }),
  ])
  .meta({ id: 'DepartmentVisibility', description: 'Who sees a department and everything below it' })
export type DepartmentVisibility = z.infer<typeof departmentVisibility>

export const department = z
  .object({
    id: customId,
    name: z.string(),
    parentId: customId.optional(),
    order: z.int(),
    managerId: customId.optional(),
    visibility: departmentVisibility,
    memberCount: z.int().meta({ description: 'Active members in it and below it, each once' }),
    version: z.int(),
  })
  .meta({ id: 'Department' })
export type Department = z.infer<typeof department>

const place = z.object({
  departmentId: customId,
  title: text(128).optional().meta({ description: 'What the member is there' }),
})

export const directoryMember = z
  .object({
    userId: customId,
    name: z.string(),
    initials: z.string().meta({ description: 'Of the name, Chinese by pinyin; search knows them' }),
    employeeNumber: z.string().optional(),
    phone: z.string().optional(),
    email: z.string().optional(),
    departments: z.array(place).meta({ description: 'The first is the main one' }),
    tags: z.array(z.string()),
    status: z.enum(['active', 'left']),
    version: z.int(),
  })
  .meta({ id: 'DirectoryMember' })
export type DirectoryMember = z.infer<typeof directoryMember>

export const departmentInput = z.object({
  name: text(128).min(1),
  parentId: customId.optional().meta({ description: 'Absent: at the top' }),
  order: z.int().min(0).max(1_000_000_000).default(0),
  managerId: customId.optional(),
  visibility: departmentVisibility.default({ to: 'all' }),
})
export type DepartmentInput = z.infer<typeof departmentInput>

export const memberInput = z.object({
  name: text(128).min(1),
  employeeNumber: text(64).min(1).optional(),
  phone: phone.optional(),
  email: email.optional(),
  departments: z.array(place).max(maxMemberDepartments).default([]),
  tags: z.array(tagName).max(maxMemberTags).default([]),
  status: z.enum(['active', 'left']).default('active'),
})
export type MemberInput = z.infer<typeof memberInput>

/** What the head of the directory tells webhooks about a member: nothing that identifies beyond the organisation. */
export const toldMember = directoryMember.omit({ phone: true, email: true, initials: true })
export type ToldMember = z.infer<typeof toldMember>

export const directoryImport = z
  .object({
    id: customId,
    kind: z.enum(['members', 'departments']),
    dryRun: z.boolean(),
    state: z.enum(['running', 'finished']),
    rows: z.int(),
    doneRows: z.int(),
    changedRows: z.int(),
    unchangedRows: z.int(),
    failedRows: z.int(),
    createdAt: timestamp,
    finishedAt: timestamp.optional(),
  })
  .meta({ id: 'DirectoryImport' })
export type DirectoryImport = z.infer<typeof directoryImport>

export const importFailure = z
  .object({
    row: z.int().meta({ description: 'From 1, the header of CSV not counted' }),
    code: z.string(),
    detail: z.string(),
  })
  .meta({ id: 'DirectoryImportFailure' })
export type ImportFailure = z.infer<typeof importFailure>

export const directoryDelta = z
  .object({
    departments: z.array(department),
    removedDepartmentIds: z.array(customId),
    members: z.array(directoryMember),
    removedUserIds: z.array(customId),
    reset: z.boolean().meta({ description: 'What the device has is void: this begins anew' }),
    cursor: z.string().meta({ description: 'For the next call' }),
    more: z.boolean(),
  })
  .meta({ id: 'DirectoryDelta' })
export type DirectoryDelta = z.infer<typeof directoryDelta>

const common = { tag: 'directory' } as const
const page = pageQuery.shape
const byDepartment = z.object({ departmentId: customId })
const byUser = z.object({ userId: customId })

/** What users do with the directory; each sees what the rules of visibility show. */
export const directoryOperations = {
  'directory.departments': operation({
    ...common,
    name: 'listDepartments',
    method: 'GET',
    right: 'read',
    path: '/v1/directory/departments',
    summary: 'Departments below one, or at the top, in their order',
    params: {},
    input: { ...page, parentId: customId.optional() },
    status: 200,
    answer: pageOf(department),
    errors: ['invalid-cursor'],
  }),
  'directory.department': operation({
    ...common,
    name: 'getDepartment',
    method: 'GET',
    right: 'read',
    path: '/v1/directory/departments/{departmentId}',
    summary: 'One department',
    params: byDepartment.shape,
    input: {},
    status: 200,
    answer: department,
    errors: ['not-found'],
  }),
  'directory.members': operation({
    ...common,
    name: 'listDirectoryMembers',
    method: 'GET',
    right: 'read',
    path: '/v1/directory/members',
    summary: 'Active members by id: of a department, with a tag, or all',
    params: {},
    input: { ...page, departmentId: customId.optional(), tag: tagName.optional() },
    status: 200,
    answer: pageOf(directoryMember),
    errors: ['invalid-cursor'],
  }),
  'directory.member': operation({
    ...common,
    name: 'getDirectoryMember',
    method: 'GET',
    right: 'read',
    path: '/v1/directory/members/{userId}',
    summary: 'One member',
    params: byUser.shape,
    input: {},
    status: 200,
    answer: directoryMember,
    errors: ['not-found'],
  }),
  'directory.search': operation({
    ...common,
    name: 'searchDirectory',
    method: 'GET',
    right: 'read',
    path: '/v1/directory/search',
    summary: 'Members by a part of the name, initials, or an exact employee number, phone or e-mail',
    params: {},
    input: { text: text(128).min(1), limit: page.limit },
    status: 200,
    answer: z.object({ items: z.array(directoryMember) }),
    errors: [],
  }),
  'directory.sync': operation({
    ...common,
    name: 'syncDirectory',
    method: 'GET',
    right: 'read',
    path: '/v1/directory/changes',
    summary: 'What changed since the cursor; without one, everything',
    params: {},
    input: page,
    status: 200,
    answer: directoryDelta,
    errors: ['invalid-cursor'],
  }),
} as const

export const directoryServerEndpoints = {
  putDepartment: endpoint({
    ...common,
    name: 'putDepartment',
    method: 'PUT',
    path: '/v1/directory/departments/{departmentId}',
    auth: 'key',
    summary: 'Make a department or take its place; another parent moves it with all below it',
    params: byDepartment,
    body: departmentInput,
    status: 200,
    answer: department,
    errors: ['not-found', 'user-not-found', 'conflict', 'limit-exceeded'],
  }),
  deleteDepartment: endpoint({
    ...common,
    name: 'deleteDepartment',
    method: 'DELETE',
    path: '/v1/directory/departments/{departmentId}',
    auth: 'key',
    summary: 'Remove a department that has neither departments nor active members',
    params: byDepartment,
    status: 200,
    answer: done,
    errors: ['not-found', 'conflict'],
  }),
  putDirectoryMember: endpoint({
    ...common,
    name: 'putDirectoryMember',
    method: 'PUT',
    path: '/v1/directory/members/{userId}',
    auth: 'key',
    summary: 'Put a user into the directory or take the entry’s place; a user who is not there is made',
    params: byUser,
    body: memberInput,
    status: 200,
    answer: directoryMember,
    errors: ['not-found', 'already-exists'],
  }),
  deleteDirectoryMember: endpoint({
    ...common,
    name: 'deleteDirectoryMember',
    method: 'DELETE',
    path: '/v1/directory/members/{userId}',
    auth: 'key',
    summary: 'Take a user out of the directory; phone and e-mail are erased, the user stays',
    params: byUser,
    status: 200,
    answer: done,
    errors: ['not-found'],
  }),
  listDirectoryTags: endpoint({
    ...common,
    name: 'listDirectoryTags',
    method: 'GET',
    path: '/v1/directory/tags',
    auth: 'key',
    summary: 'Tags in use and how many active members have each; at most 1,000',
    status: 200,
    answer: z.object({ items: z.array(z.object({ tag: z.string(), memberCount: z.int() })) }),
    errors: [],
  }),
  startDirectoryImport: endpoint({
    ...common,
    name: 'startDirectoryImport',
    method: 'POST',
    path: '/v1/directory/imports',
    auth: 'key',
    summary: 'Put many members or departments; the same id again answers the import that is there',
    body: z.object({
      id: customId,
      kind: z.enum(['members', 'departments']),
      format: z.enum(['json-lines', 'csv']),
      content: text(maxImportCharacters).min(1),
      dryRun: z.boolean().default(false),
    }),
    status: 201,
    answer: directoryImport,
    errors: ['already-exists', 'limit-exceeded'],
  }),
  getDirectoryImport: endpoint({
    ...common,
    name: 'getDirectoryImport',
    method: 'GET',
    path: '/v1/directory/imports/{importId}',
    auth: 'key',
    summary: 'How far an import is',
    params: z.object({ importId: customId }),
    status: 200,
    answer: directoryImport,
    errors: ['not-found'],
  }),
  listDirectoryImportFailures: endpoint({
    ...common,
    name: 'listDirectoryImportFailures',
    method: 'GET',
    path: '/v1/directory/imports/{importId}/failures',
    auth: 'key',
    summary: 'Rows of an import that were not taken, and why',
    params: z.object({ importId: customId }),
    query: pageQuery,
    status: 200,
    answer: pageOf(importFailure),
    errors: ['not-found', 'invalid-cursor'],
  }),
} as const

export interface DirectoryEvents {
  'department.changed': {
    departmentId: string
    change: 'put' | 'removed'
    department?: Omit<Department, 'memberCount'>
  }
  'member.changed': { userId: string; change: 'put' | 'removed'; member?: ToldMember }
}
