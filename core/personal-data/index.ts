export { heldPlace } from './erasures.ts'
export { Holds } from './holds.ts'
export { personalDataMigrations } from './migrations.ts'
export { openPersonalData, type PersonalDataOptions } from './open-personal-data.ts'
export {
  type EraseCall,
  type EraseStep,
  type ExportCall,
  type ExportRecord,
  eachRowIn,
  type PersonalData,
  type PersonalTable,
  personalTables,
  pseudonymPrefix,
} from './personal-data.ts'
