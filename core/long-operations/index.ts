export { addLongOperationRoutes } from './long-operation-routes.ts'
export {
  type LongOperationDefinition,
  type LongOperationStep,
  LongOperations,
  type StepOutcome,
} from './long-operations.ts'
export { longOperationMigrations } from './migrations.ts'
