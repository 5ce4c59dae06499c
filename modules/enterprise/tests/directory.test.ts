import type { DirectoryDelta } from '@parley/contracts'
import { type CallOptions, type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answer, call, connect, eventually, fresh, Receiver } from './fixture.ts'

let cloud: DevCloud
beforeAll(async () => {
  cloud = await startDevCloud({
    servers: 2,
    env: { PARLEY_RTC: 'off', PARLEY_ENTERPRISE_IMPORT_BATCH: '20' },
  })
})
afterAll(() => cloud.close())

const ask = (method: string, path: string, body?: unknown, options?: CallOptions): Promise<Answer> =>
  call(cloud, method, path, body, options)
const department = (id: string, input: Record<string, unknown> = {}) =>
  ask('PUT', `/v1/directory/departments/${id}`, { name: id, ...input })
const member = (id: string, departments: string[], input: Record<string, unknown> = {}) =>
  ask('PUT', `/v1/directory/members/${id}`, {
    name: id,
    departments: departments.map((departmentId) => ({ departmentId })),
    ...input,
  })
const as = async (userId: string): Promise<CallOptions> => ({ token: await cloud.token(userId) })

async function finished(id: string): Promise<Answer['body']> {
  return eventually(async () => {
    const { body } = await ask('GET', `/v1/directory/imports/${id}`)
    return body.state === 'finished' ? body : undefined
  })
}

async function syncAll(options: CallOptions, from?: string, limit = 50): Promise<DirectoryDelta> {
  const all: DirectoryDelta = {
    ...{ departments: [], removedDepartmentIds: [], members: [], removedUserIds: [], reset: false },
    ...{ cursor: from ?? '', more: true },
  }
  let first = true
  while (all.more) {
    const query = all.cursor === '' ? '' : `&cursor=${all.cursor}`
    const { status, body } = await ask(
      'GET',
      `/v1/directory/changes?limit=${limit}${query}`,
      undefined,
      options,
    )
    expect(status).toBe(200)
    if (first) all.reset = body.reset
    first = false
    for (const part of ['departments', 'removedDepartmentIds', 'members', 'removedUserIds'] as const)
      (all[part] as unknown[]).push(...body[part])
    all.cursor = body.cursor
    all.more = body.more
  }
  return all
}

test('ENT-1: a department moves with all below it, and never below itself', async () => {
  const [top, a, b] = [fresh('top'), fresh('a'), fresh('b')]
  expect((await department(top)).status).toBe(200)
  await department(a, { parentId: top, order: 2 })
  await department(b, { parentId: a, order: 1 })
  await member(fresh('m'), [b, a])
  expect((await ask('GET', `/v1/directory/departments/${top}`)).body.memberCount).toBe(1)
  expect(await department(top, { parentId: b })).toMatchObject({ status: 409, body: { code: 'conflict' } })
  expect((await department(a, { parentId: a })).status).toBe(409)
  expect((await department(a, { parentId: 'nowhere' })).status).toBe(404)
  const other = fresh('other')
  await department(other)
  await department(a, { parentId: other })
  expect((await ask('GET', `/v1/directory/departments/${top}`)).body.memberCount).toBe(0)
  expect((await ask('GET', `/v1/directory/departments/${other}`)).body.memberCount).toBe(1)
  const { body } = await ask('GET', `/v1/directory/departments?parentId=${other}`)
  expect(body.items.map(({ id }: { id: string }) => id)).toEqual([a])
  expect((await ask('DELETE', `/v1/directory/departments/${a}`)).status).toBe(409)
})

test('ENT-1: two moves at once that would make a circle: one of them is refused', async () => {
  const [a, b] = [fresh('a'), fresh('b')]
  await department(a)
  await department(b)
  const answers = await Promise.all([
    ask('PUT', `/v1/directory/departments/${a}`, { name: a, parentId: b }, { server: 0 }),
    ask('PUT', `/v1/directory/departments/${b}`, { name: b, parentId: a }, { server: 1 }),
  ])
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
})

test('ENT-2: pages of departments keep their order', async () => {
  const top = fresh('top')
  await department(top)
  const ids = Array.from({ length: 7 }, (_, index) => `${top} child ${index}`)
  for (const [index, id] of ids.entries())
    await department(encodeURIComponent(id), { name: 'n', parentId: top, order: 10 - index })
  const seen: string[] = []
  let cursor = ''
  do {
    const { body } = await ask('GET', `/v1/directory/departments?parentId=${top}&limit=3${cursor}`)
    seen.push(...body.items.map(({ id }: { id: string }) => id))
    cursor = body.nextCursor === undefined ? '' : `&cursor=${body.nextCursor}`
  } while (cursor !== '')
  expect(seen).toEqual(ids.toReversed())
})

test('ENT-3: phone and e-mail stand sealed in the database and are found by their blind index', async () => {
  const [team, id] = [fresh('team'), fresh('li')]
  await department(team)
  const put = await member(id, [team], { name: '李雷', phone: '+8613912345678', email: 'Lei@Example.com' })
  expect(put.body).toMatchObject({ phone: '+8613912345678', email: 'Lei@Example.com', initials: 'll' })
  for (const text of ['+8613912345678', 'lei@example.COM', '李', 'll', '雷']) {
    const { body } = await ask('GET', `/v1/directory/search?text=${encodeURIComponent(text)}`)
    expect(
      body.items.map(({ userId }: { userId: string }) => userId),
      text,
    ).toContain(id)
  }
  const client = new pg.Client({ connectionString: cloud.databaseUrl })
  await client.connect()
  try {
    await client.query("select set_config('parley.project_id', '*', false)")
    const { rows } = await client.query(
      'select to_jsonb(m)::text || encode(m.sealed_phone, $2) as row from enterprise.members m where user_id = $1',
      [id, 'escape'],
    )
    expect(rows[0].row).toContain('李雷')
    expect(rows[0].row).not.toContain('13912345678')
    expect(rows[0].row).not.toContain('Example.com')
    const { rows: events } = await client.query(
      'select count(*)::int as n from outbox.events where data::text like $1',
      ['%13912345678%'],
    )
    expect(events[0].n).toBe(0)
  } finally {
    await client.end()
  }
})

test('ENT-4: an employee number belongs to one member; the same entry again changes nothing', async () => {
  const [team, one, two] = [fresh('team'), fresh('one'), fresh('two')]
  await department(team)
  const first = await member(one, [team], { employeeNumber: team })
  expect((await member(one, [team], { employeeNumber: team })).body.version).toBe(first.body.version)
  expect((await member(two, [team], { employeeNumber: team })).status).toBe(409)
  await member(one, [team])
  expect((await member(two, [team], { employeeNumber: team })).status).toBe(200)
})

test('ENT-5: hidden departments and their members are seen by those their rule names', async () => {
  const [open, secret, below, boss, spy, guest] = ['open', 'secret', 'below', 'boss', 'spy', 'guest'].map(
    fresh,
  ) as [string, string, string, string, string, string]
  await department(open)
  await department(secret, { visibility: { to: 'own' } })
  await department(below, { parentId: secret })
  await member(spy, [below])
  await member(boss, [secret, open])
  await member(guest, [open])
  const sees = async (userId: string) => {
    const options = await as(userId)
    const { departments, members } = await syncAll(options)
    const found = await ask('GET', `/v1/directory/search?text=${spy}`, undefined, options)
    return {
      department: departments.some(({ id }) => id === below),
      member: members.some((each) => each.userId === spy),
      found: found.body.items.length === 1,
      direct: (await ask('GET', `/v1/directory/members/${spy}`, undefined, options)).status === 200,
      listed:
        (await ask('GET', `/v1/directory/members?departmentId=${below}`, undefined, options)).body.items
          .length === 1,
    }
  }
  const all = { department: true, member: true, found: true, direct: true, listed: true }
  const none = { department: false, member: false, found: false, direct: false, listed: false }
  expect(await sees(spy)).toEqual(all)
  expect(await sees(boss)).toEqual({ ...all })
  expect(await sees(guest)).toEqual(none)
  const options = await as(guest)
  // The boss is seen through the open department, and only that one is named.
  const { body } = await ask('GET', `/v1/directory/members/${boss}`, undefined, options)
  expect(body.departments).toEqual([{ departmentId: open }])
  const before = await syncAll(options)
  await department(secret, { visibility: { to: 'chosen', userIds: [guest] } })
  const after = await syncAll(options, before.cursor)
  expect(after.reset).toBe(true)
  expect(after.members.some(({ userId }) => userId === spy)).toBe(true)
  await department(secret)
})

test('ENT-6: a device that syncs by cursor ends with what is there, and hears that it moved', async () => {
  const [team, gone, kept] = [fresh('team'), fresh('gone'), fresh('kept')]
  await department(team)
  await member(gone, [team])
  const watcher = await connect(cloud, fresh('watcher'), 1)
  const before = await syncAll({}, undefined, 3)
  expect(before.members.map(({ userId }) => userId)).toContain(gone)
  watcher.events.length = 0
  await member(kept, [team], { tags: ['finance'] })
  await ask('DELETE', `/v1/directory/members/${gone}`)
  await watcher.waitFor('directory.changed')
  const delta = await watcher.request('directory.sync', { cursor: before.cursor, limit: 50 })
  expect(delta).toMatchObject({ reset: false, more: false, removedUserIds: [gone] })
  expect(delta.members.map(({ userId }) => userId)).toEqual([kept])
  expect((await ask('GET', '/v1/directory/members?tag=finance')).body.items).toHaveLength(1)
  expect((await ask('GET', '/v1/directory/tags')).body.items).toContainEqual({
    tag: 'finance',
    memberCount: 1,
  })
  expect((await ask('GET', '/v1/directory/changes?cursor=eA')).body.code).toBe('invalid-cursor')
  await watcher.close()
})

test('ENT-7: an import takes good rows, reports bad ones, and the same again changes nothing', async () => {
  const receiver = await Receiver.start()
  const { body: webhook } = await ask('POST', '/v1/webhooks', {
    url: receiver.url,
    events: ['department.changed', 'member.changed'],
  })
  const [id, top] = [fresh('import'), fresh('top')]
  const departments = [
    { id: top, name: 'Top' },
    { id: `${top}-a`, name: 'A', parentId: top },
    { id: `${top}-b`, name: 'B', parentId: 'nowhere' },
    { id: top, name: 'Top', parentId: `${top}-a` },
  ]
  const content = [...departments.map((row) => JSON.stringify(row)), 'nonsense'].join('\n')
  const request = { id, kind: 'departments', format: 'json-lines', content }
  const started = await ask('POST', '/v1/directory/imports', request)
  expect(started).toMatchObject({ status: 201, body: { rows: 5 } })
  expect(await finished(id)).toMatchObject({ doneRows: 5, changedRows: 2, failedRows: 3 })
  const { body: failures } = await ask('GET', `/v1/directory/imports/${id}/failures`)
  expect(failures.items.map(({ row, code }: { row: number; code: string }) => [row, code])).toEqual([
    [3, 'not-found'],
    [4, 'conflict'],
    [5, 'invalid-json'],
  ])
  expect((await ask('POST', '/v1/directory/imports', request)).body.state).toBe('finished')
  expect((await ask('POST', '/v1/directory/imports', { ...request, content: '{}' })).status).toBe(409)

  const rows = Array.from(
    { length: 90 },
    (_, n) => `${top}-${n},"Name, ${n}",${top}-a:Engineer;${top},red;blue,N${top}${n}`,
  )
  const csv = ['userId,name,departments,tags,employeeNumber', ...rows, 'only,two'].join('\r\n')
  const members = { id: fresh('import'), kind: 'members', format: 'csv', content: csv }
  const trial = { ...members, id: fresh('trial'), dryRun: true }
  await ask('POST', '/v1/directory/imports', trial)
  expect(await finished(trial.id)).toMatchObject({ changedRows: 90, failedRows: 1 })
  expect((await ask('GET', `/v1/directory/members?departmentId=${top}`)).body.items).toEqual([])
  await ask('POST', '/v1/directory/imports', members)
  expect(await finished(members.id)).toMatchObject({ changedRows: 90, failedRows: 1 })
  expect((await ask('GET', `/v1/directory/members/${top}-7`)).body).toMatchObject({
    name: 'Name, 7',
    departments: [{ departmentId: `${top}-a`, title: 'Engineer' }, { departmentId: top }],
    tags: ['red', 'blue'],
  })
  const again = { ...members, id: fresh('import') }
  await ask('POST', '/v1/directory/imports', again)
  expect(await finished(again.id)).toMatchObject({ changedRows: 0, unchangedRows: 90 })
  await eventually(async () => (receiver.received.length >= 92 ? true : undefined))
  expect(receiver.received.filter(({ event }) => event.type === 'member.changed')).toHaveLength(90)
  await ask('DELETE', `/v1/webhooks/${webhook.id}`)
  await receiver.close()
})

test('ENT-9: without a valid key nothing is read or changed; a limited token opens no directory', async () => {
  const team = fresh('team')
  await department(team)
  const options = { headers: { authorization: 'Basic a2V5X25vbmU6bm9uZQ==' } }
  expect((await ask('GET', `/v1/directory/departments/${team}`, undefined, options)).status).toBe(401)
  const limited = await cloud.token(fresh('limited'), { grants: { chat: { read: true, send: true } } })
  const refused = await ask('GET', '/v1/directory/changes', undefined, { token: limited })
  expect(refused).toMatchObject({ status: 403, body: { code: 'grant-missing' } })
  const user = await as(fresh('user'))
  expect((await ask('PUT', `/v1/directory/departments/${team}`, { name: 'x' }, user)).status).toBeOneOf([
    401, 403,
  ])
})

test('ENT-10: an erased user is in no row of the organisation, and devices sync anew', async () => {
  const [team, victim, boss] = [fresh('team'), fresh('victim'), fresh('boss')]
  await department(team, { managerId: victim, visibility: { to: 'chosen', userIds: [victim] } })
  await member(victim, [team], { phone: '13900001111' })
  await member(boss, [team])
  const approver = { name: 's', mode: 'any', approvers: { by: 'users', userIds: [boss, victim] } }
  await ask('PUT', `/v1/approval-templates/${team}`, { name: 'T', steps: [approver] })
  const submission = { userId: victim, requestId: 'r', templateId: team, form: {} }
  const { body: approval } = await ask('POST', '/v1/approvals', submission)
  expect(approval.submitterId).toBe(victim)
  const before = await syncAll({})
  const erasure = await ask('POST', `/v1/users/${victim}/erasure`, {})
  await eventually(async () => {
    const { body } = await ask('GET', `/v1/operations/${erasure.body.id}`)
    return body.state === 'succeeded' ? true : undefined
  }, 40_000)
  const client = new pg.Client({ connectionString: cloud.databaseUrl })
  await client.connect()
  try {
    await client.query("select set_config('parley.project_id', '*', false)")
    const tables = ['members', 'departments', 'places', 'clicks', 'bots', 'approvals', 'approval_people']
    const union = [...tables, 'approval_cards', 'templates']
      .map((table) => `select to_jsonb(t)::text as row from enterprise.${table} t`)
      .join(' union all ')
    await eventually(async () => {
      const { rows } = await client.query(`select row from (${union}) x where row like $1`, [`%"${victim}"%`])
      return rows.length === 0 ? true : undefined
    })
  } finally {
    await client.end()
  }
  const after = await syncAll({}, before.cursor)
  expect(after.reset).toBe(true)
  expect(after.members.map(({ userId }) => userId)).not.toContain(victim)
  expect(after.members.map(({ userId }) => userId)).toContain(boss)
  expect((await ask('GET', `/v1/approvals/${approval.id}`)).body.submitterId).toMatch(/^erased_/)
}, 90_000)
