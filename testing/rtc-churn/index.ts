export { type ChurnOptions, type ChurnTotals, type Operation, operations, runChurn } from './churn.ts'
export { type Holdings, holdings } from './holdings.ts'
