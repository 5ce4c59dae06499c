import { type Logger, sleep } from '@parley/core/kernel'
import pg from 'pg'
import { StoreError } from './store-error.ts'

/** The role that all statements but migrations run as. It owns nothing and row-level security holds for it. */
export const appRole = 'parley_app'

interface Standing {
  user: string
  bypasses: boolean
  createsRoles: boolean
  roleExists: boolean
  roleBypasses: boolean
  maySetRole: boolean
}

/** Duplicate object, unique violation and concurrent update in the catalogue: another process was faster. */
const raced = new Set(['42710', '23505', 'XX000'])

/**
 * The role to switch to after login; undefined when the login role itself has to do, to which row-level
 * security applies as well. Throws a StoreError where every query would see all tenants.
 */
export async function ensureAppRole(client: pg.Client, logger: Logger): Promise<string | undefined> {
  let standing = await look(client)
  for (let attempt = 0; attempt < 5 && !standing.maySetRole && standing.createsRoles; attempt++) {
    try {
      if (!standing.roleExists) await client.query(`create role ${appRole} nologin`)
      await client.query(`grant ${appRole} to current_user`)
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || !raced.has(error.code ?? '')) break
      await sleep(20 + Math.random() * 50)
    }
    standing = await look(client)
  }
  if (standing.maySetRole && !standing.roleBypasses) return appRole
  if (!standing.bypasses) {
    logger.debug({ user: standing.user }, 'no role of its own for statements; the login role is used')
    return undefined
  }
  throw new StoreError(
    `The database user ${standing.user} bypasses row-level security, and the role ${appRole} cannot be used ` +
      `by it. As an administrator run: create role ${appRole} nologin nobypassrls; ` +
      `grant ${appRole} to ${pg.escapeIdentifier(standing.user)};`,
  )
}

async function look(client: pg.Client): Promise<Standing> {
  const { rows } = await client.query<Standing>(
    `select me.rolname as "user",
            me.rolsuper or me.rolbypassrls as bypasses,
            me.rolsuper or me.rolcreaterole as "createsRoles",
            app.oid is not null as "roleExists",
            coalesce(app.rolsuper or app.rolbypassrls, false) as "roleBypasses",
            coalesce(pg_has_role(me.oid, app.oid, 'member'), false) as "maySetRole"
       from pg_roles me left join pg_roles app on app.rolname = $1
      where me.rolname = current_user`,
    [appRole],
  )
  const found = rows[0]
  if (!found) throw new StoreError('the database does not know its own user')
  // A superuser is a member of everything, yet only once the role exists.
  return found
}
