create schema if not exists push;

create table push.devices (
  project_id text not null,
  user_id text not null,
  device_id text not null,
  provider text not null check (provider in ('web-push', 'apns', 'fcm', 'http')),
  -- The token, or the subscription of web push as JSON.
  token text not null,
  -- SHA-256 of provider and token (of web push: the endpoint): a token belongs to one user at a time.
  token_hash bytea not null,
  language text,
  time_zone text,
  registered_at timestamptz not null default now(),
  primary key (project_id, user_id, device_id)
);
create unique index devices_token on push.devices (project_id, token_hash);

create table push.providers (
  project_id text not null,
  provider text not null check (provider in ('web-push', 'apns', 'fcm', 'http')),
  -- What may be told.
  facts jsonb not null,
  -- All of it, sealed by the master key.
  sealed bytea not null,
  updated_at timestamptz not null default now(),
  primary key (project_id, provider)
);

create table push.preferences (
  project_id text not null,
  user_id text not null,
  level text not null default 'all' check (level in ('all', 'mentions', 'none')),
  quiet_hours jsonb,
  show_content boolean not null default true,
  updated_at timestamptz not null default now(),
  primary key (project_id, user_id)
);

create table push.conversation_levels (
  project_id text not null,
  conversation_id text not null,
  user_id text not null,
  level text not null check (level in ('all', 'mentions', 'none')),
  primary key (project_id, conversation_id, user_id)
);
create index conversation_levels_of_user on push.conversation_levels (project_id, user_id, conversation_id);

create table push.templates (
  project_id text not null,
  name text not null,
  languages jsonb not null,
  updated_at timestamptz not null default now(),
  primary key (project_id, name)
);

-- A run of entries whose audience has not been told all of it yet.
create table push.runs (
  project_id text not null,
  conversation_id text not null,
  from_seq bigint not null,
  to_seq bigint not null,
  -- How far: the entry that is worked on, and the last member of its audience that was dealt with.
  at_seq bigint not null,
  after_user text not null default '',
  -- As of deliveries.
  due_at timestamptz not null,
  attempt_count integer not null default 0,
  primary key (project_id, conversation_id, from_seq)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
create index runs_due on push.runs (due_at);

-- One push to one device, and what became of it. Without a device: why a user was left out.
create table push.deliveries (
  project_id text not null,
  id text not null,
  -- The message, or the send by the customer.
  source_id text not null,
  conversation_id text,
  seq bigint,
  user_id text not null,
  device_id text not null default '',
  provider text,
  state text not null check (state in ('waiting', 'sent', 'failed', 'suppressed')),
  reason text,
  detail text,
  -- What is shown; emptied when the push is settled.
  notification jsonb,
  collapse_id text,
  attempt_count integer not null default 0,
  -- When it may be tried; while it is tried, when it counts as left behind.
  due_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  settled_at timestamptz,
  delivered_at timestamptz,
  opened_at timestamptz,
  primary key (project_id, id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
-- What makes a second look at the same message harmless.
create unique index deliveries_once on push.deliveries (project_id, source_id, user_id, device_id);
create index deliveries_due on push.deliveries (due_at) where state = 'waiting';
create index deliveries_of_user on push.deliveries (project_id, user_id, id);
create index deliveries_age on push.deliveries (created_at);

do $$
declare
  name text;
begin
  foreach name in array array[
    'devices', 'providers', 'preferences', 'conversation_levels', 'templates', 'runs', 'deliveries'
  ] loop
    execute format('alter table push.%I enable row level security', name);
    execute format('alter table push.%I force row level security', name);
    execute format(
      'create policy project_scope on push.%I using (
         project_id = current_setting(''parley.project_id'', true)
         or current_setting(''parley.project_id'', true) = ''*'')', name);
  end loop;
end $$;
