import { randomBytes } from 'node:crypto'
import { linkSync, readdirSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import type { Closable } from '@parley/core/kernel'

export type LockAttempt = { held: true; lock: Closable } | { held: false; holderPid: number }

/**
 * One process at a time, by Unix sockets `lock.<number>` in `directory`: the kernel says whether a holder
 * lives, across containers and reused process ids too. The highest number counts; whoever finds it dead takes
 * the next one. A holder removes lower numbers but leaves its own behind, dead, so that numbers only grow: were
 * the file of a dead holder removed instead, a slow process could remove that of its living successor.
 *
 * The path must leave room for 25 characters below the limit of a socket path.
 */
export async function lockFolder(directory: string): Promise<LockAttempt> {
  const own = join(directory, `claim.${randomBytes(6).toString('hex')}`)
  const server = await serve(own)
  try {
    for (;;) {
      const highest = highestNumber(directory)
      const holder = highest === 0 ? 'dead' : await askHolder(join(directory, `lock.${highest}`))
      if (typeof holder === 'object') {
        await closeServer(server)
        return { held: false, holderPid: holder.pid }
      }
      if (holder === 'dead' && claim(own, directory, highest + 1))
        return { held: true, lock: { close: () => closeServer(server) } }
    }
  } finally {
    rmSync(own, { force: true })
  }
}

function numbersIn(directory: string): number[] {
  return readdirSync(directory).flatMap((name) => {
    const number = /^lock\.(\d+)$/.exec(name)?.[1]
    return number === undefined ? [] : [Number(number)]
  })
}

function highestNumber(directory: string): number {
  return Math.max(0, ...numbersIn(directory))
}

/** False when somebody else was faster. A number may be free only because its successor removed it. */
function claim(own: string, directory: string, number: number): boolean {
  const path = join(directory, `lock.${number}`)
  try {
    linkSync(own, path)
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false
    throw error
  }
  if (highestNumber(directory) !== number) {
    rmSync(path, { force: true })
    return false
  }
  for (const lower of numbersIn(directory))
    if (lower < number) rmSync(join(directory, `lock.${lower}`), { force: true })
  return true
}

function serve(path: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.end(String(process.pid))
  })
  server.unref()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => resolve(server))
  })
}

/** `gone`: the file was removed meanwhile, so there is a newer one to look for. */
function askHolder(path: string): Promise<{ pid: number } | 'dead' | 'gone'> {
  return new Promise((resolve) => {
    let answer = ''
    // Whatever hinders asking, a full backlog or missing rights, is no proof of death.
    let state: 'dead' | 'gone' | 'alive' = 'alive'
    const socket = connect(path)
    // A holder that is stopped still takes the connection, in the kernel, and does not answer.
    socket.setTimeout(2_000, () => socket.destroy())
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
    })
    socket.on('error', (error) => {
      if (isErrno(error, 'ECONNREFUSED')) state = 'dead'
      if (isErrno(error, 'ENOENT')) state = 'gone'
    })
    socket.on('close', () => resolve(state === 'alive' ? { pid: Number(answer) || 0 } : state))
  })
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
