export { type DeadJob, systemJobs } from './job-queue.ts'
export {
  type EnqueueOptions,
  type JobContext,
  type JobDefinition,
  Jobs,
  type JobsOptions,
  type JobsTimes,
} from './jobs.ts'
export { jobsMigrations } from './migrations.ts'
