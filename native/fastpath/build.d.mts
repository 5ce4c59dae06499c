export type AddonBuild = { path: string } | { unavailable: string; mend: string }

export interface Addon {
  /** Absolute; holds `binding.gyp` and the sources in `src`, and gets `build`. */
  folder: string
  /** Target of the `binding.gyp`. */
  name: string
  /** What it is, as messages call it. */
  what: string
}

/**
 * Builds the addon unless one for exactly these sources and this node is there.
 * Idempotent; concurrent calls, also of several processes, build once.
 */
export function ensureAddon(addon: Addon, options?: { log?: (line: string) => void }): Promise<AddonBuild>

/** `ensureAddon` of the packet path. */
export function ensureFastpath(options?: { log?: (line: string) => void }): Promise<AddonBuild>
