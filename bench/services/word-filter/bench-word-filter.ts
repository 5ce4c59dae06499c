import { measureWordFilter, reportWordFilter } from './word-filter.ts'

/** Prints the table of README.md. */
export async function benchWordFilter(flags: readonly string[]): Promise<void> {
  console.log(reportWordFilter(measureWordFilter({ budgetMs: flags.includes('--quick') ? 500 : 3_000 })))
}
