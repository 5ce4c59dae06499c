import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'

/**
 * PTRACE_SEIZE, PTRACE_INTERRUPT; the thread goes on when the tracer ends. One that is killed must be waited for, so that
 * its process can end.
 */
const tracer = `
import ctypes, os, select, sys
libc = ctypes.CDLL(None, use_errno=True)
thread = int(sys.argv[1])
if libc.ptrace(0x4206, thread, None, None) != 0 or libc.ptrace(0x4207, thread, None, None) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
wall = 0x40000000
os.waitpid(thread, wall)
print('frozen', flush=True)
while not select.select([sys.stdin], [], [], 0.02)[0]:
    ended, status = os.waitpid(thread, wall | os.WNOHANG)
    if ended and not os.WIFSTOPPED(status):
        break
`

/** The id of the thread of a process that has a name, on Linux. @throws Error when there is none */
export function threadOf(pid: number, name: string): number {
  const folder = `/proc/${pid}/task`
  const found = readdirSync(folder).find(
    (thread) => readFileSync(`${folder}/${thread}/comm`, 'utf8').trim() === name,
  )
  if (found === undefined) throw new Error(`process ${pid} has no thread named ${name}`)
  return Number(found)
}

/**
 * Holds up one thread of another process, as a debugger would, while its other threads go on. Answers how to let it go;
 * a thread whose process ends meanwhile is let go of, too. @throws Error where tracing is not permitted
 */
export async function freezeThread(thread: number): Promise<() => Promise<void>> {
  const child = spawn('python3', ['-c', tracer, String(thread)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const frozen = await Promise.race([once(child.stdout, 'data').then(() => true), exited.then(() => false)])
  if (!frozen) throw new Error(`thread ${thread} could not be frozen`)
  return async () => {
    child.stdin.end()
    await exited
  }
}

/** Why threads cannot be frozen here, else ''. */
export function missingForFreezing(): string {
  const check = `
import ctypes, os
child = os.fork()
if child == 0:
    import time
    time.sleep(10)
    os._exit(0)
ok = ctypes.CDLL(None).ptrace(0x4206, child, None, None) == 0
os.kill(child, 9)
raise SystemExit(0 if ok else 1)
`
  const { status, error } = spawnSync('python3', ['-c', check], { stdio: 'ignore', timeout: 10_000 })
  if (error !== undefined) return 'no python3'
  return status === 0 ? '' : 'tracing is not permitted'
}
