export { badAuthorizations, type FuzzOptions, type FuzzReport, fuzzEndpoints } from './fuzz-endpoints.ts'
export { oddId, oddValue, valueFor } from './odd-values.ts'
