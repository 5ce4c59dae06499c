import type { Approval } from '@parley/contracts'
import { type CallOptions, type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answer, call, connect, eventually, fresh, Receiver } from './fixture.ts'

let cloud: DevCloud
beforeAll(async () => {
  cloud = await startDevCloud({ servers: 2, env: { PARLEY_RTC: 'off' } })
})
afterAll(() => cloud.close())

const ask = (method: string, path: string, body?: unknown, options?: CallOptions): Promise<Answer> =>
  call(cloud, method, path, body, options)

async function user(name: string): Promise<string> {
  const id = fresh(name)
  await cloud.token(id)
  return id
}

async function template(steps: unknown[], input: Record<string, unknown> = {}): Promise<string> {
  const id = fresh('template')
  const { status } = await ask('PUT', `/v1/approval-templates/${id}`, { name: 'Expenses', steps, ...input })
  expect(status).toBe(200)
  return id
}

const byUsers = (mode: 'any' | 'all', ...userIds: string[]) => ({
  ...{ name: 'step', mode, approvers: { by: 'users', userIds } },
})
const submit = (userId: string, templateId: string, form = {}, requestId = fresh('request')) =>
  ask('POST', '/v1/approvals', { userId, requestId, templateId, form })
const decide = (id: string, userId: string, step = 0, verdict = 'approved', options?: CallOptions) =>
  ask('POST', `/v1/approvals/${id}/decision`, { userId, step, verdict }, options)
const listed = async (userId: string, role: string): Promise<string[]> =>
  (await ask('GET', `/v1/approvals?role=${role}&userId=${userId}`)).body.items.map(({ id }: Approval) => id)

test('ENT-40: a form is held against its template, and a submission again is the same approval', async () => {
  const [ann, boss] = [await user('ann'), await user('boss')]
  const fields = [
    { id: 'why', label: 'Why', type: 'text', required: true },
    { id: 'sum', label: 'Sum', type: 'money', currency: 'EUR' },
    { id: 'days', label: 'Days', type: 'number', min: 1, max: 5 },
    { id: 'on', label: 'On', type: 'date' },
    { id: 'kind', label: 'Kind', type: 'choice', options: ['a', 'b'] },
    { id: 'more', label: 'More', type: 'choices', options: ['x', 'y'] },
    { id: 'with', label: 'With', type: 'user' },
    { id: 'team', label: 'Team', type: 'department' },
    { id: 'files', label: 'Files', type: 'attachment' },
  ]
  const templateId = await template([byUsers('any', boss)], { fields })
  const good = { why: 'trip', sum: '12.50', days: 2, on: '2026-02-28', kind: 'a', more: ['x'], with: boss }
  const bad: [Record<string, unknown>, string][] = [
    [{}, 'form.why'],
    [{ ...good, sum: 12 }, 'form.sum'],
    [{ ...good, days: 9 }, 'form.days'],
    [{ ...good, on: '2026-02-30' }, 'form.on'],
    [{ ...good, kind: 'c' }, 'form.kind'],
    [{ ...good, more: ['z'] }, 'form.more'],
    [{ ...good, other: 1 }, 'form.other'],
  ]
  for (const [form, path] of bad) {
    const { status, body } = await submit(ann, templateId, form)
    expect([status, body.issues?.[0]?.path]).toEqual([400, path])
  }
  expect((await submit(ann, templateId, { ...good, with: 'nobody' })).body.code).toBe('user-not-found')
  expect((await submit(ann, templateId, { ...good, team: 'nowhere' })).body.code).toBe('not-found')
  expect((await submit(ann, templateId, { ...good, files: ['obj_none'] })).body.code).toBe('object-not-found')
  const same = await Promise.all([1, 2, 3].map(() => submit(ann, templateId, good, 'same')))
  expect(new Set(same.map(({ body }) => body.id)).size).toBe(1)
  expect((await submit(ann, templateId, { why: 'other' }, 'same')).body.code).toBe('conflict')
  await ask('PUT', `/v1/approval-templates/${templateId}`, {
    name: 'x',
    steps: [byUsers('any', ann)],
    enabled: false,
  })
  expect((await submit(ann, templateId, good)).status).toBe(404)
  // What is under way keeps the template it began with.
  expect((await decide(same[0]?.body.id, boss)).body.state).toBe('approved')
})

test('ENT-46: managers and roles come from the directory', async () => {
  const [staff, lead, head, cfo] = [fresh('staff'), fresh('lead'), fresh('head'), fresh('cfo')]
  const [top, team, finance] = [fresh('top'), fresh('team'), fresh('finance')]
  await ask('PUT', `/v1/directory/departments/${top}`, { name: top, managerId: head })
  await ask('PUT', `/v1/directory/departments/${team}`, { name: team, parentId: top, managerId: lead })
  const put = (id: string, departmentId: string, tags: string[] = []) =>
    ask('PUT', `/v1/directory/members/${id}`, { name: id, departments: [{ departmentId }], tags })
  await Promise.all([put(staff, team), put(lead, team), put(head, top), put(cfo, top, [finance])])
  const templateId = await template([
    { name: 'manager', mode: 'any', approvers: { by: 'manager' } },
    { name: 'finance', mode: 'all', approvers: { by: 'role', tag: finance } },
  ])
  const approvers = async (userId: string): Promise<string[][]> =>
    (await submit(userId, templateId)).body.steps.map(({ tasks }: { tasks: { userId: string }[] }) =>
      tasks.map((task) => task.userId),
    )
  expect(await approvers(staff)).toEqual([[lead], [cfo]])
  expect(await approvers(lead)).toEqual([[head], [cfo]])
  expect((await submit(head, templateId)).body.code).toBe('conflict')
})

test('ENT-47: many decisions at once on two processes: each user decides once, in one order for all', async () => {
  const receiver = await Receiver.start()
  await ask('POST', '/v1/webhooks', { url: receiver.url, events: ['approval.*'] })
  const [ann, ...deciders] = await Promise.all(['ann', 'b', 'c', 'd', 'e'].map(user))
  const [bob = '', cid = '', dan = '', eve = ''] = deciders
  const submitter = ann ?? ''
  const templateId = await template([byUsers('all', bob, cid), byUsers('any', dan, eve)])
  const { body: approval } = await submit(submitter, templateId)
  const race = await Promise.all(
    [bob, cid, bob, cid, bob, cid].map((userId, index) =>
      decide(approval.id, userId, 0, 'approved', { server: index % 2 }),
    ),
  )
  expect(race.map(({ status }) => status)).toEqual(race.map(() => 200))
  const [first, second] = await Promise.all([
    decide(approval.id, dan, 1, 'approved', { server: 0 }),
    decide(approval.id, eve, 1, 'rejected', { server: 1 }),
  ])
  expect([first?.status, second?.status].sort()).toEqual([200, 409])
  const { body: end } = await ask('GET', `/v1/approvals/${approval.id}?userId=${submitter}`)
  expect(end.state).toBe(first?.status === 200 ? 'approved' : 'rejected')
  // Submitted, two decisions of the first step, one of the second.
  expect(end.version).toBe(4)
  const own = await eventually(async () => {
    const events = receiver.received
      .map(({ event }) => event)
      .filter(({ data }) => data.approval.id === approval.id)
    return events.length >= 4 ? events : undefined
  })
  expect(own.map(({ data }) => data.approval.version)).toEqual([1, 2, 3, 4])
  expect(own.map(({ type }) => type)).toEqual([
    ...['approval.submitted', 'approval.advanced', 'approval.advanced', `approval.${end.state}`],
  ])
  await receiver.close()
})

test('ENT-48: lists show each user what is theirs, and others see nothing', async () => {
  const [ann, bob, cid, eve] = (await Promise.all(['ann', 'bob', 'cid', 'eve'].map(user))) as [
    string,
    string,
    string,
    string,
  ]
  const templateId = await template([byUsers('all', bob), byUsers('all', cid)], {
    copyTo: [{ by: 'users', userIds: [eve] }],
  })
  const { body: approval } = await submit(ann, templateId)
  expect(await listed(ann, 'submitter')).toEqual([approval.id])
  expect(await listed(bob, 'decider')).toEqual([approval.id])
  expect(await listed(cid, 'decider')).toEqual([])
  expect(await listed(eve, 'copied')).toEqual([approval.id])
  await decide(approval.id, bob)
  expect(await listed(bob, 'decider')).toEqual([])
  expect(await listed(bob, 'decided')).toEqual([approval.id])
  expect(await listed(cid, 'decider')).toEqual([approval.id])
  const stranger = { token: await cloud.token(fresh('stranger')) }
  expect((await ask('GET', `/v1/approvals/${approval.id}`, undefined, stranger)).status).toBe(404)
  expect((await ask('POST', `/v1/approvals/${approval.id}/withdraw`, {}, stranger)).status).toBe(404)
  expect((await ask('POST', `/v1/approvals/${approval.id}/withdraw`, { userId: bob })).status).toBe(403)
  const commented = await ask('POST', `/v1/approvals/${approval.id}/comments`, { userId: eve, text: 'fine' })
  expect(commented.body.comments).toMatchObject([{ userId: eve, text: 'fine' }])
  const moved = await ask('POST', `/v1/approvals/${approval.id}/transfer`, {
    ...{ userId: cid, step: 1, toUserId: ann },
  })
  expect(moved.status).toBe(200)
  expect((await ask('POST', `/v1/approvals/${approval.id}/withdraw`, { userId: ann })).body.state).toBe(
    'withdrawn',
  )
  expect(await listed(ann, 'decider')).toEqual([])
})

test('ENT-49: approvers and submitter have a card that follows what happens, and its buttons decide', async () => {
  const [ann, bob] = [await user('ann'), await user('bob')]
  const [phone, desk] = [await connect(cloud, ann, 0), await connect(cloud, bob, 1)]
  const templateId = await template([byUsers('any', bob)])
  const approval = await phone.request('approval.submit', { requestId: 'r', templateId, form: {} })
  const isCard = ({ message }: { message: { senderId: string } }) => message.senderId === 'parley.approvals'
  const { message } = await desk.waitFor('message.created', isCard)
  expect(JSON.stringify(message.content)).toContain('"actionId":"approved"')
  const { message: own } = await phone.waitFor('message.created', isCard)
  expect(JSON.stringify(own.content)).not.toContain('actionId')
  await desk.request('card.click', { messageId: message.id, clickId: 'c', actionId: 'approved' })
  const shows = (text: string) => (event: { message: unknown }) =>
    JSON.stringify(event.message).includes(text)
  await phone.waitFor('message.edited', shows('Expenses · approved'))
  const edited = await desk.waitFor('message.edited', shows('Expenses · approved'))
  expect(JSON.stringify(edited.message)).not.toContain('actionId')
  await phone.waitFor(
    'approval.changed',
    (event) => event.approvalId === approval.id && event.state === 'approved',
  )
  await phone.close()
  await desk.close()
})
