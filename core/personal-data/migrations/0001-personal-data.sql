create schema if not exists personal;

create table personal.exports (
  project_id text collate "C" not null,
  operation_id text collate "C" not null,
  user_id text collate "C",
  conversation_id text collate "C",
  object_id text not null,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  primary key (project_id, operation_id)
);
create index exports_expiry on personal.exports (expires_at);

-- Nothing here names the user who was erased.
create table personal.erasures (
  project_id text collate "C" not null,
  operation_id text collate "C" not null,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  receipt jsonb,
  primary key (project_id, operation_id)
);

create table personal.holds (
  project_id text collate "C" not null,
  kind text not null check (kind in ('user', 'conversation')),
  id text collate "C" not null,
  reason text,
  created_at timestamptz not null default clock_timestamp(),
  primary key (project_id, kind, id)
);

do $$
declare
  name text;
begin
  foreach name in array array['exports', 'erasures', 'holds'] loop
    execute format('alter table personal.%I enable row level security', name);
    execute format('alter table personal.%I force row level security', name);
    execute format(
      'create policy project_scope on personal.%I using (
         project_id = current_setting(''parley.project_id'', true)
         or current_setting(''parley.project_id'', true) = ''*'')', name);
  end loop;
end $$;
