// A content origin in a process of its own, to be killed: arguments are the database, the folder and, if any, the bucket.
import { configSource, readSettings, Scope, silentLogger } from '@parley/core/kernel'
import { Metrics } from '@parley/core/metrics'
import { MasterKey } from '@parley/core/secrets'
import { openDatabase } from '@parley/core/store'
import { ContentServer } from '../content-server.ts'
import { ObjectService } from '../object-service.ts'
import { openObjectStore } from '../open-object-store.ts'
import { objectSettings } from '../settings.ts'

const [url = '', dataDir = '', s3Url] = process.argv.slice(2)
const settings = {
  ...readSettings(objectSettings, configSource({})),
  minFreeBytes: 0,
  ...(s3Url !== undefined && { s3Url }),
}
const scope = new Scope('origin', silentLogger)
const database = await openDatabase({ url, logger: silentLogger, scope, poolSize: 4 })
const store = openObjectStore({ dataDir, settings })
const masterKey = new MasterKey(Buffer.alloc(32, 1))
const objects = new ObjectService({ database, store, masterKey, contentUrl: () => '', limits: settings })
const server = new ContentServer({
  ...{ logger: silentLogger, scope, metrics: new Metrics(), objects, settings },
})
const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
process.stdout.write(`${port}\n`)
