import pg from 'pg'

/** A session of the owner of the tables, for long work: no statement timeout, all projects in sight. */
export async function openSession(url: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    application_name: `parley backup ${process.pid}`,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query(
      `select set_config('statement_timeout', '0', false), set_config('idle_in_transaction_session_timeout', '0', false),
        set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO', false),
        set_config('parley.project_id', '*', false)`,
    )
    return client
  } catch (error) {
    await client.end().catch(() => undefined)
    throw error
  }
}

/** Ends it also while a statement runs. */
export async function endSession(client: pg.Client): Promise<void> {
  await client.end().catch(() => undefined)
}
