create schema if not exists operations;

-- Work that goes on behind an answer. `checkpoint` is where it stands: written with each step, so that a process that
-- dies costs the step it was at.
create table operations.operations (
  project_id text collate "C" not null,
  id text collate "C" not null,
  type text not null,
  state text not null default 'waiting' check (state in ('waiting', 'running', 'succeeded', 'failed', 'cancelled')),
  input jsonb not null,
  checkpoint jsonb,
  done bigint not null default 0,
  total bigint,
  result jsonb,
  error jsonb,
  cancel_requested boolean not null default false,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  primary key (project_id, id)
) with (fillfactor = 70);
create index operations_open on operations.operations (updated_at) where ended_at is null;
create index operations_open_of on operations.operations (project_id) where ended_at is null;
create index operations_ended on operations.operations (ended_at) where ended_at is not null;

alter table operations.operations enable row level security;
alter table operations.operations force row level security;
create policy project_scope on operations.operations using (
  project_id = current_setting('parley.project_id', true) or current_setting('parley.project_id', true) = '*');
