export { type ChurnOptions, type ChurnTotals, type Operation, operations, runChurn } from './churn.ts'
export { type Holdings, holdings, mediaWorkers } from './holdings.ts'
