export * from './config.ts'
export * from './logger.ts'
export * from './scope.ts'
export * from './settings.ts'
