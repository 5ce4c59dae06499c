import { InProcessBus } from '@parley/core/bus'
import { Scope, silentLogger } from '@parley/core/kernel'
import { Outbox } from '@parley/core/outbox'
import { MasterKey } from '@parley/core/secrets'
import type { Database } from '@parley/core/store'
import { openTestDatabase } from '@parley/testing/postgres'
import { createAuthenticator, type IdentityAuthenticator } from '../src/authenticator.ts'
import { KeyStore } from '../src/key/key-store.ts'
import { identityMigrations } from '../src/migrations/index.ts'
import { ProjectStore } from '../src/project/project-store.ts'
import { UserStore } from '../src/user/user-store.ts'

export interface TestProject {
  projectId: string
  keyId: string
  secret: string
}

/** Identity without HTTP and sockets: real database, real outbox. */
export interface House {
  database: Database
  scope: Scope
  masterKey: MasterKey
  outbox: Outbox
  authenticator: IdentityAuthenticator
  projects: ProjectStore
  keys: KeyStore
  users: UserStore
  makeProject(): Promise<TestProject>
  close(): Promise<void>
}

export async function openHouse(): Promise<House> {
  const { database, close } = await openTestDatabase({ migrations: [identityMigrations] })
  const scope = new Scope('test', silentLogger)
  const logger = silentLogger
  const bus = scope.own('bus', new InProcessBus({ logger }))
  const outbox = await Outbox.open({ database, bus, logger, scope })
  const masterKey = new MasterKey(Buffer.alloc(32, 7))
  const authenticator = createAuthenticator({ database, masterKey, outbox, logger, scope })
  await authenticator.start()
  const projects = new ProjectStore(database, 0)
  const keys = new KeyStore({ masterKey, outbox })
  return {
    database,
    scope,
    masterKey,
    outbox,
    authenticator,
    projects,
    keys,
    users: new UserStore(outbox, masterKey),
    makeProject: async () => {
      const { project, made } = await projects.create('test', (tx, { id }) => keys.insert(tx, id, undefined))
      return { projectId: project.id, keyId: made.id, secret: made.secret }
    },
    close: async () => {
      await scope.close()
      await close()
    },
  }
}
