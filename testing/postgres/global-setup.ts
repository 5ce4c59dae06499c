import { offerSharedServer, sharedServerVariable } from './shared-server.ts'

/** For `globalSetup` of vitest. Costs nothing until a test asks for a database. */
export default async function setup(): Promise<() => Promise<void>> {
  const server = await offerSharedServer()
  process.env[sharedServerVariable] = server.path
  return async () => {
    delete process.env[sharedServerVariable]
    await server.close()
  }
}
