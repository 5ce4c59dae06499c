import type { Installation } from '../installation.ts'

/** `problem`: Parley does not start or loses something; `lacking`: a part is off; `fine`: as it should be. */
export type FindingState = 'fine' | 'lacking' | 'problem'

/** What one look at the machine found. */
export interface Finding {
  name: string
  state: FindingState
  detail: string
  /** The line that mends it. */
  mend?: string
}

export interface DoctorContext {
  installation: Installation
  /** Root of the repository, where the program runs from one. */
  repository: string | undefined
  note(text: string): void
}

export type Check = (context: DoctorContext) => Promise<Finding[]> | Finding[]

export const fine = (name: string, detail: string): Finding => ({ name, state: 'fine', detail })

export const lacking = (name: string, detail: string, mend: string): Finding => ({
  name,
  state: 'lacking',
  detail,
  mend,
})

export const problem = (name: string, detail: string, mend: string): Finding => ({
  name,
  state: 'problem',
  detail,
  mend,
})
