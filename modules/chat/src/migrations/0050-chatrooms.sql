-- Chat rooms: nobody is a member, people come and go. Messages are kept only where a room asks for it.
create table chat.chatrooms (
  project_id text not null,
  id text not null,
  name text,
  custom jsonb,
  owner_id text,
  admin_ids text[] not null default '{}',
  history boolean not null,
  slow_mode_ms integer not null default 0,
  muted_all boolean not null default false,
  join_by_allowed boolean not null default false,
  head_seq bigint not null default 0,
  attributes_version bigint not null default 0,
  created_at timestamptz not null default now(),
  primary key (project_id, id)
) with (fillfactor = 70);

create table chat.chatroom_entries (
  project_id text not null,
  chatroom_id text not null,
  seq bigint not null,
  id text not null,
  sender_id text not null,
  client_message_id text,
  priority text not null,
  content jsonb not null,
  created_at timestamptz not null,
  primary key (project_id, chatroom_id, seq)
);

create table chat.chatroom_attributes (
  project_id text not null,
  chatroom_id text not null,
  key text not null,
  value text not null,
  user_id text not null,
  until_leave boolean not null,
  version bigint not null,
  primary key (project_id, chatroom_id, key)
);

create table chat.chatroom_restrictions (
  project_id text not null,
  chatroom_id text not null,
  kind text not null check (kind in ('mute', 'ban', 'allow')),
  user_id text not null,
  until timestamptz,
  primary key (project_id, chatroom_id, kind, user_id)
);

-- Who is there now. It need not survive a crash of the database: nobody is connected then.
create unlogged table chat.chatroom_sessions (
  project_id text not null,
  chatroom_id text not null,
  user_id text not null,
  session_id text not null,
  process_id text not null,
  joined_at timestamptz not null default now(),
  primary key (project_id, chatroom_id, user_id, session_id)
);
create index chatroom_sessions_of_process on chat.chatroom_sessions (process_id);

-- Sessions of a process count while its lease runs.
create unlogged table chat.chatroom_processes (
  process_id text primary key,
  lease_until timestamptz not null
);

do $$
declare
  name text;
begin
  foreach name in array array['chatrooms', 'chatroom_entries', 'chatroom_attributes', 'chatroom_restrictions',
    'chatroom_sessions'] loop
    execute format('alter table chat.%I enable row level security', name);
    execute format('alter table chat.%I force row level security', name);
    execute format(
      'create policy project_scope on chat.%I using (
         project_id = current_setting(''parley.project_id'', true)
         or current_setting(''parley.project_id'', true) = ''*'')', name);
  end loop;
end $$;
