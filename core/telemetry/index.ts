export { telemetryMigrations } from './migrations.ts'
export { Telemetry, type TelemetryOptions, type TelemetryPoint, type TelemetryQuery } from './telemetry.ts'
