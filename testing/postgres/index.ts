export { newFolder as newTestFolder } from './shared-server.ts'
export {
  createTestDatabase,
  openTestDatabase,
  type TestDatabase,
  type TestDatabaseOptions,
} from './test-database.ts'
