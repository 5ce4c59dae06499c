import type pg from 'pg'

const everyMs = 10

/** Where the sessions of a database spend their time: what they run and wait for, looked at again and again. */
export class DatabaseSampler {
  readonly #counts = new Map<string, number>()
  readonly #client: pg.Client
  #samples = 0
  #stopped = false
  readonly #running: Promise<void>

  /** Owns the session from now on. */
  constructor(client: pg.Client) {
    this.#client = client
    this.#running = this.#run()
  }

  /** Mean number of sessions in each state, most first. */
  async stop(): Promise<{ name: string; sessions: number }[]> {
    this.#stopped = true
    await this.#running
    await this.#client.end()
    return [...this.#counts]
      .sort((a, b) => b[1] - a[1])
      .slice(0, 25)
      .map(([name, count]) => ({ name, sessions: count / this.#samples }))
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const { rows } = await this.#client.query<{ name: string }>(
        `select state || ' ' || coalesce(wait_event_type || ':' || wait_event, 'on processor') || ' | ' ||
            left(regexp_replace(query, '\\s+', ' ', 'g'), 70) as name
          from pg_stat_activity where state <> 'idle' and pid <> pg_backend_pid()`,
      )
      this.#samples++
      for (const { name } of rows) this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
  }
}
