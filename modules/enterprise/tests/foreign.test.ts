import { MasterKey } from '@parley/core/secrets'
import { type CallOptions, type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answer, call } from './fixture.ts'

let cloud: DevCloud
let foreign: CallOptions
beforeAll(async () => {
  cloud = await startDevCloud({ env: { PARLEY_RTC: 'off' } })
  const token = MasterKey.load({ dataDir: cloud.dataDir }).derive('operator').toString('hex')
  const { key } = (await call(cloud, 'POST', '/v1/projects', { name: 'Other' }, { token })).body
  const basic = Buffer.from(`${key.id}:${key.secret}`).toString('base64')
  foreign = { headers: { authorization: `Basic ${basic}` } }
})
afterAll(() => cloud.close())

test('ENT-9: another project sees nothing of an organisation and changes nothing', async () => {
  const ask = (method: string, path: string, body?: unknown, options?: CallOptions): Promise<Answer> =>
    call(cloud, method, path, body, options)
  for (const id of ['ann', 'bob']) {
    await cloud.token(id)
    await ask('POST', '/v1/users', { id }, foreign)
  }
  await ask('PUT', '/v1/directory/departments/team', { name: 'Team' })
  await ask('PUT', '/v1/directory/members/ann', { name: 'Ann', departments: [{ departmentId: 'team' }] })
  await ask('POST', '/v1/directory/imports', {
    id: 'imp',
    kind: 'members',
    format: 'json-lines',
    content: '{}',
  })
  const group = await ask('POST', '/v1/conversations', { type: 'group', memberIds: ['ann', 'bob'] })
  const bot = await ask('POST', '/v1/webhook-bots', {
    conversationId: group.body.id,
    userId: 'bob',
    name: 'b',
  })
  const posted = await ask('POST', bot.body.url, { type: 'card', card: { title: 'kept', elements: [] } })
  const steps = [{ name: 's', mode: 'any', approvers: { by: 'users', userIds: ['bob'] } }]
  await ask('PUT', '/v1/approval-templates/t', { name: 'T', steps })
  const submission = { userId: 'ann', requestId: 'r', templateId: 't', form: {} }
  const approval = await ask('POST', '/v1/approvals', submission)
  const decision = { userId: 'bob', step: 0, verdict: 'approved' }
  const attempts: [string, string, unknown?][] = [
    ['GET', '/v1/directory/departments/team'],
    ['DELETE', '/v1/directory/departments/team'],
    ['GET', '/v1/directory/members/ann'],
    ['DELETE', '/v1/directory/members/ann'],
    ['PUT', '/v1/directory/members/bob', { name: 'x', departments: [{ departmentId: 'team' }] }],
    ['GET', '/v1/directory/imports/imp'],
    ['GET', '/v1/directory/imports/imp/failures'],
    ['POST', '/v1/webhook-bots', { conversationId: group.body.id, userId: 'bob', name: 'x' }],
    ['PATCH', `/v1/webhook-bots/${bot.body.id}`, { enabled: false }],
    ['POST', `/v1/webhook-bots/${bot.body.id}/rotate`],
    ['DELETE', `/v1/webhook-bots/${bot.body.id}`],
    ['PUT', `/v1/cards/${posted.body.messageId}`, { card: { title: 'mine', elements: [] } }],
    ['POST', `/v1/cards/${posted.body.messageId}/actions`, { userId: 'ann', clickId: 'c', actionId: 'a' }],
    ['DELETE', '/v1/approval-templates/t'],
    ['POST', '/v1/approvals', submission],
    ['GET', `/v1/approvals/${approval.body.id}`],
    ['POST', `/v1/approvals/${approval.body.id}/decision`, decision],
    ['POST', `/v1/approvals/${approval.body.id}/comments`, { userId: 'ann', text: 'x' }],
    ['POST', `/v1/approvals/${approval.body.id}/withdraw`, { userId: 'ann' }],
  ]
  for (const [method, path, body] of attempts) {
    expect((await ask(method, path, body, foreign)).status, `${method} ${path}`).toBeOneOf([403, 404])
  }
  const lists = [
    '/v1/directory/departments',
    '/v1/directory/members',
    '/v1/directory/search?text=ann',
    '/v1/webhook-bots',
  ]
  for (const path of [
    ...lists,
    '/v1/approval-templates',
    '/v1/directory/tags',
    '/v1/approvals?role=submitter&userId=ann',
  ])
    expect((await ask('GET', path, undefined, foreign)).body.items, path).toEqual([])
  expect((await ask('GET', '/v1/directory/changes', undefined, foreign)).body).toMatchObject({
    ...{ departments: [], members: [] },
  })
  expect((await ask('GET', '/v1/directory/members/ann')).body.name).toBe('Ann')
  expect((await ask('GET', `/v1/approvals/${approval.body.id}`)).body.state).toBe('pending')
})
