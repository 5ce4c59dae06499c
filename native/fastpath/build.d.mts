export type FastpathBuild = { path: string } | { unavailable: string; mend: string }

/**
 * Builds the addon unless one for exactly these sources and this node is there.
 * Idempotent; concurrent calls, also of several processes, build once.
 */
export function ensureFastpath(options?: { log?: (line: string) => void }): Promise<FastpathBuild>
