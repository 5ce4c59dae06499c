import { createHmac } from 'node:crypto'
import { type ErrorCode, newId } from '@parley/contracts'
import { silentLogger } from '@parley/core/kernel'
import { signJwt } from '@parley/protocols/jwt'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type House, openHouse, type TestProject } from '../tests/house.ts'
import { createAuthenticator, operatorToken } from './authenticator.ts'
import { mintUserToken } from './token/user-token.ts'

let house: House
let project: TestProject
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())
beforeEach(async () => {
  project = await house.makeProject()
})

const nowSeconds = () => Date.now() / 1000
const mint = (userId: string, options: Partial<Parameters<typeof mintUserToken>[0]> = {}) =>
  mintUserToken({ keyId: project.keyId, secret: project.secret, userId, ttlMs: 60_000, ...options }).token

function claims(changes: Record<string, unknown> = {}): string {
  const all = { iss: project.keyId, sub: 'alice', iat: nowSeconds(), exp: nowSeconds() + 60, ...changes }
  return signJwt(JSON.parse(JSON.stringify(all)), project.secret)
}

async function refusal(token: string): Promise<ErrorCode | undefined> {
  try {
    await house.authenticator.authenticateToken(token)
  } catch (error) {
    return (error as { code: ErrorCode }).code
  }
}

describe('API keys', () => {
  test('IDENT-10: a key opens its project with its secret only', async () => {
    await expect(house.authenticator.authenticateKey(project.keyId, project.secret)).resolves.toEqual({
      kind: 'key',
      projectId: project.projectId,
      keyId: project.keyId,
    })
    const other = await house.makeProject()
    for (const [keyId, secret] of [
      [project.keyId, other.secret],
      [project.keyId, ''],
      [newId('key'), project.secret],
      ['', project.secret],
      ["key_' or true --", project.secret],
    ] as const) {
      await expect(house.authenticator.authenticateKey(keyId, secret)).rejects.toMatchObject({
        code: 'unauthenticated',
      })
    }
  })

  test('IDENT-11: the secret is not in the database, and a sealed secret moved to another key opens nothing', async () => {
    const other = await house.makeProject()
    const { rows } = await house.database.system.query<{ sealed_secret: Buffer }>({
      text: 'select sealed_secret from identity.keys where key_id = $1',
      values: [project.keyId],
    })
    expect(rows[0]?.sealed_secret.includes(project.secret)).toBe(false)
    await house.database.system.query({
      text: 'update identity.keys set sealed_secret = $1 where key_id = $2',
      values: [rows[0]?.sealed_secret, other.keyId],
    })
    await expect(house.authenticator.authenticateKey(other.keyId, project.secret)).rejects.toMatchObject({
      code: 'unauthenticated',
    })
  })

  test('IDENT-12: two keys are live for rotation, a third is refused, and tokens of both are taken', async () => {
    const scope = house.database.project(project.projectId)
    const second = await house.keys.create(scope, 'next')
    await expect(house.keys.create(scope, undefined)).rejects.toMatchObject({ code: 'limit-exceeded' })
    await house.authenticator.authenticateToken(mint('alice'))
    await house.authenticator.authenticateToken(mint('alice', { keyId: second.id, secret: second.secret }))
    // A token that names one key and is signed with the other belongs to neither.
    expect(await refusal(mint('alice', { secret: second.secret }))).toBe('unauthenticated')
    await house.keys.revoke(scope, project.keyId)
    await house.keys.create(scope, 'after')
  })

  test('IDENT-12: keys made at the same time are not more than two', async () => {
    const scope = house.database.project(project.projectId)
    const made = await Promise.allSettled([1, 2, 3, 4].map(() => house.keys.create(scope, undefined)))
    expect(made.filter((one) => one.status === 'fulfilled')).toHaveLength(1)
  })

  test('IDENT-13: a revoked key and its tokens are refused on every process', async () => {
    const elsewhere = createAuthenticator({
      database: house.database,
      masterKey: house.masterKey,
      outbox: house.outbox,
      logger: silentLogger,
      scope: house.scope.child('elsewhere'),
      settings: { authCacheMs: 600_000 },
    })
    await elsewhere.start()
    const seen: unknown[] = []
    elsewhere.onRevocation((revocation) => seen.push(revocation))
    const token = mint('alice')
    await elsewhere.authenticateKey(project.keyId, project.secret)
    await elsewhere.authenticateToken(token)
    await house.keys.revoke(house.database.project(project.projectId), project.keyId)
    await vi.waitFor(() => expect(seen).toHaveLength(1), 5_000)
    await expect(elsewhere.authenticateKey(project.keyId, project.secret)).rejects.toMatchObject({
      code: 'key-revoked',
    })
    await expect(elsewhere.authenticateToken(token)).rejects.toMatchObject({ code: 'key-revoked' })
    const { projectId, keyId } = project
    const session = { projectId, keyId, userId: 'alice', issuedAtMs: Date.now() }
    expect(elsewhere.revocationOf(session)).toEqual({ kind: 'key', projectId, keyId })
    expect(elsewhere.revocationOf({ ...session, keyId: newId('key') })).toBeUndefined()
  })

  test('IDENT-14: a revocation of which no wake-up comes counts once what was read is old', async () => {
    const deaf = createAuthenticator({
      database: house.database,
      masterKey: house.masterKey,
      outbox: house.outbox,
      logger: silentLogger,
      scope: house.scope.child('deaf'),
      settings: { authCacheMs: 100 },
    })
    const token = mint('alice')
    await deaf.authenticateToken(token)
    await house.keys.revoke(house.database.project(project.projectId), project.keyId)
    await vi.waitFor(
      () => expect(deaf.authenticateToken(token)).rejects.toMatchObject({ code: 'key-revoked' }),
      5_000,
    )
  })

  test('IDENT-15: the secret of a wrong key is not told to be revoked', async () => {
    const scope = house.database.project(project.projectId)
    await house.keys.revoke(scope, project.keyId)
    await vi.waitFor(
      () =>
        expect(house.authenticator.authenticateKey(project.keyId, project.secret)).rejects.toMatchObject({
          code: 'key-revoked',
        }),
      5_000,
    )
    await expect(house.authenticator.authenticateKey(project.keyId, 'guess')).rejects.toMatchObject({
      code: 'unauthenticated',
    })
  })
})

describe('user tokens', () => {
  test('IDENT-20: a token names project, user, key, times and grants', async () => {
    const grants = { chat: { send: true }, rtc: { room: 'standup', publish: ['camera' as const] } }
    const nowMs = Date.now()
    const caller = await house.authenticator.authenticateToken(mint('alice', { grants, nowMs }))
    expect(caller).toEqual({
      kind: 'user',
      projectId: project.projectId,
      userId: 'alice',
      keyId: project.keyId,
      grants,
      issuedAtMs: nowMs,
      expiresAtMs: nowMs + 60_000,
    })
    expect(await house.authenticator.authenticateToken(mint('alice'))).not.toHaveProperty('grants')
  })

  test('IDENT-21: forged, foreign and unsigned tokens are refused', async () => {
    const other = await house.makeProject()
    const [header = '', body = '', signature = ''] = mint('alice').split('.')
    const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
    const signedAs = (alg: string, digest: string) => {
      const input = `${Buffer.from(JSON.stringify({ alg })).toString('base64url')}.${body}`
      return `${input}.${createHmac(digest, project.secret).update(input).digest('base64url')}`
    }
    for (const token of [
      mint('alice', { secret: other.secret }),
      mint('alice', { keyId: other.keyId }),
      mint('alice', { keyId: newId('key') }),
      `${none}.${body}.`,
      `${none}.${body}.${signature}`,
      signedAs('none', 'sha256'),
      signedAs('HS512', 'sha512'),
      signedAs('HS384', 'sha384'),
      `${header}.${body}.${Buffer.alloc(32).toString('base64url')}`,
      `${header}.${body}.${signature.slice(0, 20)}`,
      project.secret,
      '',
      '..',
    ]) {
      expect(await refusal(token)).toBe('unauthenticated')
    }
  })

  test.each([
    ['no exp', { exp: undefined }],
    ['no iat', { iat: undefined }],
    ['exp as text', { exp: '9999999999' }],
    ['exp that no clock reaches', { exp: 1e300 }],
    ['exp below zero', { exp: -1 }],
    ['no sub', { sub: undefined }],
    ['sub that is no user id', { sub: '..' }],
    ['sub with a control', { sub: 'a\u0000b' }],
    ['sub as a number', { sub: 7 }],
    ['iss that is no text', { iss: ['key'] }],
    ['iat a minute ahead', { iat: Date.now() / 1000 + 60 }],
    ['nbf a minute ahead', { nbf: Date.now() / 1000 + 60 }],
    ['a grant nobody knows', { grants: { admin: true } }],
    ['a limit nobody knows', { grants: { chat: { send: true, only: 'x' } } }],
    ['grants as text', { grants: 'all' }],
    ['grants as null', { grants: null }],
    ['grants of the wrong shape', { grants: { rtc: { publish: true } } }],
  ])('IDENT-22: a signed token with %s is refused', async (_, changes) => {
    expect(await refusal(claims(changes))).toBe('unauthenticated')
  })

  test('IDENT-23: a token ends at exp, and lives no longer than the project allows', async () => {
    expect(await refusal(claims({ iat: nowSeconds() - 60, exp: nowSeconds() - 0.001 }))).toBe('token-expired')
    expect(await refusal(claims({ exp: nowSeconds() + 31 * 86_400 }))).toBe('unauthenticated')
    expect(await refusal(claims({ iat: nowSeconds() + 10, exp: nowSeconds() + 60 }))).toBeUndefined()
  })

  test('IDENT-24: revoking the tokens of a user ends those issued until then, on every process, and no other', async () => {
    const before = mint('alice')
    const bob = mint('bob')
    await house.authenticator.authenticateToken(before)
    await house.authenticator.authenticateToken(bob)
    const notBefores: number[] = []
    house.authenticator.onRevocation((revocation) => {
      if (revocation.kind === 'user') notBefores.push(revocation.notBeforeMs)
    })
    await house.users.revokeTokens(house.database.project(project.projectId), 'alice')
    await vi.waitFor(() => expect(notBefores).toHaveLength(1), 5_000)
    expect(await refusal(before)).toBe('token-revoked')
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(notBefores[0] ?? Number.POSITIVE_INFINITY))
    expect(await refusal(mint('alice'))).toBeUndefined()
    expect(await refusal(bob)).toBeUndefined()
  })

  test('IDENT-30: the first token of an unknown user makes the user once, where the project allows', async () => {
    await Promise.all(
      Array.from({ length: 20 }, () => house.authenticator.authenticateToken(mint('carol 你好'))),
    )
    const scope = house.database.project(project.projectId)
    await expect(house.users.find(scope, 'carol 你好')).resolves.toMatchObject({ id: 'carol 你好' })
    const { rows } = await house.database.system.query({
      text: `select 1 from outbox.events where project_id = $1 and type = 'user.created'`,
      values: [project.projectId],
    })
    expect(rows).toHaveLength(1)
  })

  test('IDENT-31: where the project forbids it, the first token of an unknown user is refused', async () => {
    const scope = house.database.project(project.projectId)
    await house.projects.update(scope, { settings: { createUsersOnFirstToken: false } })
    expect(await refusal(mint('dave'))).toBe('unauthenticated')
    await house.users.create(scope, 'dave', {})
    expect(await refusal(mint('dave'))).toBeUndefined()
  })

  test('IDENT-32: a user of one project is unknown to another', async () => {
    const other = await house.makeProject()
    await house.users.create(house.database.project(project.projectId), 'alice', { name: 'Alice' })
    const elsewhere = house.database.project(other.projectId)
    await expect(house.users.find(elsewhere, 'alice')).resolves.toBeUndefined()
    expect(await house.authenticator.users.exists(other.projectId, ['alice'])).toEqual(new Set())
    expect(await house.authenticator.users.exists(project.projectId, ['alice', 'nobody'])).toEqual(
      new Set(['alice']),
    )
    await expect(house.users.revokeTokens(elsewhere, 'alice')).rejects.toMatchObject({
      code: 'user-not-found',
    })
    await expect(house.keys.revoke(elsewhere, project.keyId)).rejects.toMatchObject({ code: 'not-found' })
    await elsewhere.query({ text: `update identity.users set name = 'hers'` })
    await expect(house.users.find(house.database.project(project.projectId), 'alice')).resolves.toMatchObject(
      {
        name: 'Alice',
      },
    )
  })
})

test('IDENT-5: the operator token is derived from the master key, and nothing else opens', async () => {
  const token = operatorToken(house.masterKey)
  await expect(house.authenticator.authenticateOperator(token)).resolves.toEqual({ kind: 'operator' })
  for (const wrong of ['', token.slice(1), `${token.slice(0, -1)}x`, project.secret]) {
    await expect(house.authenticator.authenticateOperator(wrong)).rejects.toMatchObject({
      code: 'unauthenticated',
    })
  }
})
