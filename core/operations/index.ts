export {
  type Actor,
  actingUser,
  type OperationCall,
  type OperationContext,
  Operations,
  type OperationsOptions,
  type OperationTable,
  type UserActor,
} from './operations.ts'
