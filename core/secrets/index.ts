export * from './master-key.ts'
