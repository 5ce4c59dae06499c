create table identity.projects (
  project_id text collate "C" primary key,
  name text not null,
  -- Only what the customer set; everything else follows the defaults of the contract.
  settings jsonb not null default '{}',
  created_at timestamptz not null default now()
);

create table identity.keys (
  project_id text collate "C" not null references identity.projects,
  key_id text collate "C" not null,
  name text,
  -- AES-256-GCM under the master key, bound to the key id.
  sealed_secret bytea not null,
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  revoked_at timestamptz,
  primary key (project_id, key_id)
);
-- A key id arrives before its project is known.
create unique index keys_by_id on identity.keys (key_id);

create table identity.users (
  project_id text collate "C" not null references identity.projects,
  user_id text collate "C" not null,
  name text,
  avatar_url text,
  custom jsonb,
  -- Tokens issued before this are refused.
  not_before timestamptz not null default '-infinity',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (project_id, user_id)
);

create table identity.devices (
  project_id text collate "C" not null,
  user_id text collate "C" not null,
  device_id text collate "C" not null,
  platform text not null,
  name text,
  last_seen_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  primary key (project_id, user_id, device_id)
) with (fillfactor = 80);

create table identity.last_seen (
  project_id text collate "C" not null,
  user_id text collate "C" not null,
  last_seen_at timestamptz not null,
  primary key (project_id, user_id)
) with (fillfactor = 80);

-- Who is connected now is worth nothing after a crash of the database: unlogged, rebuilt by the processes.
create unlogged table identity.processes (
  process_id text collate "C" primary key,
  lease_until timestamptz not null
) with (fillfactor = 50);

create unlogged table identity.sessions (
  project_id text collate "C" not null,
  user_id text collate "C" not null,
  session_id text collate "C" not null,
  device_id text collate "C" not null,
  platform text not null,
  process_id text collate "C" not null,
  opened_at timestamptz not null default clock_timestamp(),
  -- Why the session must go; its process closes the connection and deletes the row.
  kicked text,
  primary key (project_id, user_id, session_id)
) with (fillfactor = 90);
create index sessions_by_process on identity.sessions (process_id);
create index sessions_kicked on identity.sessions (process_id) where kicked is not null;

do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['projects', 'keys', 'users', 'devices', 'last_seen', 'sessions'] loop
    execute format('alter table identity.%I enable row level security', tenant_table);
    execute format('alter table identity.%I force row level security', tenant_table);
    execute format(
      'create policy project_scope on identity.%I using (project_id = current_setting(''parley.project_id'', true)'
      ' or current_setting(''parley.project_id'', true) = ''*'')',
      tenant_table
    );
  end loop;
end
$$;
