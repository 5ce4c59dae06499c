import { ensureFastpath, loadFastpath } from '../src/index.ts'

const built = await ensureFastpath()

/** The packet path; undefined where it cannot be built, and then what needs it is skipped. */
export const addon = 'path' in built ? await loadFastpath() : undefined
