import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { approvalsOf, clickCard, directoryOf, type EnterpriseEvent, Parley } from '../src/index.ts'

let cloud: DevCloud
const opened: Parley[] = []
beforeAll(async () => {
  cloud = await startDevCloud({ servers: 2, env: { PARLEY_RTC: 'off' } })
})
afterAll(async () => {
  for (const parley of opened) await parley.close()
  await cloud.close()
})

async function connect(
  userId: string,
  server: number,
): Promise<{ parley: Parley; heard: EnterpriseEvent[] }> {
  const parley = await Parley.connect({
    url: cloud.servers[server]?.url ?? cloud.url,
    getToken: () => cloud.token(userId),
  })
  opened.push(parley)
  const heard: EnterpriseEvent[] = []
  parley.on('enterprise', (event) => heard.push(event))
  return { parley, heard }
}

test('ENT-6, ENT-30, ENT-49: two clients read the directory, ask for approval and decide it on the card', async () => {
  const ann = await connect('ann', 0)
  const bob = await connect('bob', 1)
  await cloud.call('PUT', '/v1/directory/departments/team', { name: 'Team' })
  const places = [{ departmentId: 'team' }]
  await cloud.call('PUT', '/v1/directory/members/bob', { name: '鲍勃', departments: places })
  const directory = directoryOf(ann.parley.chat)
  const delta = await directory.changes()
  expect(delta.members.map(({ userId }) => userId)).toEqual(['bob'])
  expect((await directory.search('bb')).items).toHaveLength(1)
  const steps = [{ name: 's', mode: 'any', approvers: { by: 'users', userIds: ['bob'] } }]
  await cloud.call('PUT', '/v1/approval-templates/leave', { name: 'Leave', steps })
  const { id } = await approvalsOf(ann.parley.chat).submit('leave', {})
  await expect.poll(() => bob.parley.chat.conversations()[0]?.view?.lastMessage?.content.type).toBe('custom')
  const messageId = bob.parley.chat.conversations()[0]?.view?.lastMessage?.id ?? ''
  const { items } = await approvalsOf(bob.parley.chat).list({ role: 'decider' })
  expect(items.map((approval) => approval.id)).toEqual([id])
  await clickCard(bob.parley.chat, messageId, 'approved')
  await expect.poll(async () => (await approvalsOf(ann.parley.chat).get(id)).state).toBe('approved')
  await expect
    .poll(() => ann.heard.some((event) => event.type === 'approval.changed' && event.state === 'approved'))
    .toBe(true)
  await expect.poll(() => bob.heard.some(({ type }) => type === 'directory.changed')).toBe(true)
})
