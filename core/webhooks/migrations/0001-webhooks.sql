create table webhooks.endpoints (
  project_id text not null,
  id text not null,
  url text not null,
  description text,
  events text[] not null,
  blocking jsonb,
  enabled boolean not null default true,
  disabled_reason text check (disabled_reason in ('gone', 'by-request')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (project_id, id)
);

-- Secrets that sign, sealed with the master key. One without an end is the newest.
create table webhooks.secrets (
  project_id text not null,
  endpoint_id text not null,
  id text not null,
  sealed bytea not null,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz,
  primary key (project_id, endpoint_id, id),
  foreign key (project_id, endpoint_id) references webhooks.endpoints (project_id, id) on delete cascade
);

-- The body of an event, once for all endpoints that take it.
create table webhooks.events (
  project_id text not null,
  id text not null,
  type text not null,
  body text not null,
  created_at timestamptz not null default now(),
  primary key (project_id, id)
);
create index events_age on webhooks.events (created_at);

create table webhooks.deliveries (
  project_id text not null,
  endpoint_id text not null,
  id text not null,
  event_id text not null,
  event_type text not null,
  resource text not null,
  -- Order within (endpoint, resource), and of the log. No cache: positions handed out later are larger.
  position bigint generated always as identity (cache 1),
  state text not null default 'waiting' check (state in ('waiting', 'delivered', 'dead')),
  attempt_count integer not null default 0,
  attempts jsonb not null default '[]',
  replay_of text,
  created_at timestamptz not null default clock_timestamp(),
  settled_at timestamptz,
  primary key (project_id, endpoint_id, id),
  foreign key (project_id, endpoint_id) references webhooks.endpoints (project_id, id) on delete cascade
) with (autovacuum_vacuum_scale_factor = 0.02);

-- What makes a second expansion of the same fact harmless.
create unique index deliveries_event on webhooks.deliveries (project_id, endpoint_id, event_id)
  where replay_of is null;
create index deliveries_waiting on webhooks.deliveries (project_id, endpoint_id, resource, position)
  where state = 'waiting';
create index deliveries_log on webhooks.deliveries (project_id, endpoint_id, position);
create index deliveries_of_event on webhooks.deliveries (project_id, event_id);
create index deliveries_age on webhooks.deliveries (created_at);

-- One row for each (endpoint, resource) that has something waiting: the lock under which it is sent in order.
create table webhooks.queues (
  project_id text not null,
  endpoint_id text not null,
  resource text not null,
  -- When its head may be tried.
  due_at timestamptz not null default clock_timestamp(),
  -- Until then the process that claimed it works on it, and no other.
  lease_until timestamptz,
  -- True while the endpoint is disabled.
  held boolean not null default false,
  -- Grows with every claim, so that a process that lost the lease cannot settle.
  generation bigint not null default 0,
  -- Grows with every arrival, so that a queue is not taken for empty while something comes in.
  arrivals bigint not null default 0,
  primary key (project_id, endpoint_id, resource),
  foreign key (project_id, endpoint_id) references webhooks.endpoints (project_id, id) on delete cascade
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
create index queues_due on webhooks.queues (due_at) where not held;

alter table webhooks.endpoints enable row level security;
alter table webhooks.endpoints force row level security;
create policy project_scope on webhooks.endpoints
  using (project_id = current_setting('parley.project_id', true) or current_setting('parley.project_id', true) = '*');
alter table webhooks.secrets enable row level security;
alter table webhooks.secrets force row level security;
create policy project_scope on webhooks.secrets
  using (project_id = current_setting('parley.project_id', true) or current_setting('parley.project_id', true) = '*');
alter table webhooks.events enable row level security;
alter table webhooks.events force row level security;
create policy project_scope on webhooks.events
  using (project_id = current_setting('parley.project_id', true) or current_setting('parley.project_id', true) = '*');
alter table webhooks.deliveries enable row level security;
alter table webhooks.deliveries force row level security;
create policy project_scope on webhooks.deliveries
  using (project_id = current_setting('parley.project_id', true) or current_setting('parley.project_id', true) = '*');
alter table webhooks.queues enable row level security;
alter table webhooks.queues force row level security;
create policy project_scope on webhooks.queues
  using (project_id = current_setting('parley.project_id', true) or current_setting('parley.project_id', true) = '*');
