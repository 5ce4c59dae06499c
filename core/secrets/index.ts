export { addNewestKey, keepNewestKey, masterKeyFile } from './key-file.ts'
export * from './master-key.ts'
export {
  RotationError,
  type RotationOptions,
  type RotationOutcome,
  resealAll,
  rotateMasterKey,
} from './rotation.ts'
