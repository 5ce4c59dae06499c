create table chat.bots (
  project_id text not null,
  user_id text not null,
  url text not null,
  secret bytea not null,
  commands jsonb not null,
  enabled boolean not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (project_id, user_id)
);

-- What waits for a bot, in the order of `place`. One process at a time empties it.
create table chat.bot_deliveries (
  project_id text not null,
  user_id text not null,
  place bigint not null generated always as identity,
  message_id text not null,
  attempts integer not null default 0,
  failed_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (project_id, user_id, message_id)
);
create index bot_deliveries_in_order on chat.bot_deliveries (project_id, user_id, place) where failed_at is null;

do $$
declare
  name text;
begin
  foreach name in array array['bots', 'bot_deliveries'] loop
    execute format('alter table chat.%I enable row level security', name);
    execute format('alter table chat.%I force row level security', name);
    execute format(
      'create policy project_scope on chat.%I using (
         project_id = current_setting(''parley.project_id'', true)
         or current_setting(''parley.project_id'', true) = ''*'')', name);
  end loop;
end $$;
