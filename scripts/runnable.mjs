// How a TypeScript program of this repository (a bench, a soak, a script) becomes one file that Node can run.
import { esbuildTargets } from './build.mjs'

export function runnable(entry, outfile) {
  const [server] = esbuildTargets()
  return { ...server, entryPoints: [entry], outfile }
}
