create table jobs.jobs (
  project_id text not null,
  id text not null,
  name text not null,
  payload jsonb not null,
  state text not null default 'ready' check (state in ('ready', 'running', 'dead')),
  run_at timestamptz not null default now(),
  attempt integer not null default 0,
  unique_key text,
  holder text,
  lease_until timestamptz,
  last_error text,
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  primary key (project_id, id)
) with (autovacuum_vacuum_scale_factor = 0.02);

create index jobs_due on jobs.jobs (run_at) where state = 'ready';
create index jobs_leased on jobs.jobs (lease_until) where state = 'running';
create index jobs_dead on jobs.jobs (project_id, ended_at) where state = 'dead';
-- At most one waits and at most one runs for each key.
create unique index jobs_waiting_key on jobs.jobs (project_id, name, unique_key)
  where state = 'ready' and unique_key is not null;
create unique index jobs_running_key on jobs.jobs (project_id, name, unique_key)
  where state = 'running' and unique_key is not null;

alter table jobs.jobs enable row level security;
alter table jobs.jobs force row level security;
create policy project_scope on jobs.jobs
  using (project_id = current_setting('parley.project_id', true) or current_setting('parley.project_id', true) = '*');

create table jobs.schedules (
  name text primary key,
  every_ms bigint not null check (every_ms > 0),
  payload jsonb not null,
  next_at timestamptz not null default now()
);
