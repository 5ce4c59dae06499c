// A worker in a process of its own, whose JavaScript thread stands still when told, while its packet thread goes on.
import { createRequire } from 'node:module'

const addon = createRequire(import.meta.url)(process.argv[2])
const counts = { received: 0, ends: 0 }
let answer

const worker = addon.createWorker({ addresses: ['127.0.0.1'], pulseFd: 4 }, (events) => {
  for (const event of events) {
    if (event.type === 'data.received') counts.received += 1
    if (event.type === 'transport.closed') counts.ends += 1
    if (event.type === 'transport.connected') process.send({ type: 'connected' })
    if (event.type === 'stats') answer?.(event.stats)
  }
})

process.on('message', async (message) => {
  if (message.type === 'connect') {
    const { peer, fingerprint } = message
    const credentials = { iceUfrag: 'abcd', icePwd: 'abcdefghijklmnopqrstuvwx' }
    worker.createTransport(1, { ...credentials, peer })
    worker.allowData(1, 1_000_000)
    worker.setRemote(1, { dtlsRole: 'server', fingerprints: [fingerprint] })
  }
  if (message.type === 'stand-still') {
    process.send({ type: 'standing' }, () =>
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, message.ms),
    )
  }
  if (message.type === 'count') {
    const { eventsDropped } = await new Promise((resolve) => {
      answer = resolve
      worker.requestStats(1)
    })
    process.send({ type: 'counts', ...counts, eventsDropped })
  }
})
process.on('disconnect', () => process.exit(0))
process.send({ type: 'started', port: worker.port, fingerprint: worker.fingerprint })
