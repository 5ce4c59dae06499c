/** `scratch` gives up durability for speed: only for data of tests, which nobody misses after a power cut. */
export type Durability = 'durable' | 'scratch'

const common = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  port: 5432,
  max_connections: 100,
  shared_buffers: '128MB',
  effective_cache_size: '1GB',
  random_page_cost: 1.1,
  huge_pages: 'off',
  jit: 'off',
  io_method: 'sync',
  max_worker_processes: 4,
  max_parallel_workers_per_gather: 0,
  max_logical_replication_workers: 0,
  autovacuum_worker_slots: 4,
  autovacuum_max_workers: 2,
  autovacuum_naptime: '20s',
  wal_compression: 'on',
  max_wal_size: '1GB',
  min_wal_size: '128MB',
  checkpoint_timeout: '5min',
  log_checkpoints: 'off',
  // What people write stands in statements and details; the log holds none of it.
  log_min_messages: 'warning',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_timezone: 'UTC',
  timezone: 'UTC',
  client_connection_check_interval: '10s',
  password_encryption: 'scram-sha-256',
} as const

const durability = {
  durable: { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' },
  scratch: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' },
} as const

/** Arguments of the postmaster; the command line outranks the files of the cluster. */
export function serverArguments(options: {
  clusterDirectory: string
  socketDirectory: string
  durability: Durability
}): string[] {
  const settings = {
    ...common,
    ...durability[options.durability],
    unix_socket_directories: `"${options.socketDirectory.replaceAll('"', '""')}"`,
  }
  const pairs = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return ['-D', options.clusterDirectory, ...pairs]
}
