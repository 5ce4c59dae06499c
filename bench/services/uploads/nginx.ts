import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../chat/machine/profiler.ts'

/** nginx that takes files by PUT (its dav module), with as many workers as the server has cores. */
export interface Nginx {
  url: string
  close(): Promise<void>
}

export function nginxInstalled(): boolean {
  const { stderr, status } = spawnSync('nginx', ['-V'], { encoding: 'utf8' })
  return status === 0 && stderr.includes('http_dav_module')
}

export async function startNginx(workers: number): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-nginx-'))
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'files'), { mode: 0o777 })
  chmodSync(join(folder, 'files'), 0o777)
  const port = await freePort()
  writeFileSync(join(folder, 'nginx.conf'), configOf(folder, port, workers))
  const child = spawn(
    'nginx',
    ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')],
    {
      stdio: 'inherit',
    },
  )
  await answers(port, child)
  return {
    url: `http://127.0.0.1:${port}/files`,
    close: async () => {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Bodies go to a file on the same disk, which is then renamed. Nothing is synchronised. */
function configOf(folder: string, port: number, workers: number): string {
  return `
daemon off;
worker_processes ${workers};
pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${folder}/files/incoming;
  client_max_body_size 0;
  client_body_buffer_size 128k;
  keepalive_requests 1000000;
  server {
    listen 127.0.0.1:${port};
    location /files/ {
      root ${folder};
      dav_methods PUT DELETE;
      create_full_put_path on;
    }
  }
}
`
}

async function answers(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (child.exitCode !== null) break
    const socket = connect(port, '127.0.0.1')
    const reached = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    if (reached) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('nginx does not start')
}
