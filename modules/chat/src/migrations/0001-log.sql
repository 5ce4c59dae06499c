create schema if not exists chat;

-- A conversation and the head of its log. Appending updates the row in place (no index holds what moves).
create table chat.conversations (
  project_id text not null,
  id text not null,
  type text not null check (type in ('direct', 'group')),
  name text,
  avatar_url text,
  custom jsonb,
  direct_users text[],
  history_from_start boolean not null,
  head_seq bigint not null default 0,
  head_message_no bigint not null default 0,
  version bigint not null default 1,
  member_count integer not null,
  large boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (project_id, id)
) with (fillfactor = 60);

-- The log: dense seq from 1, appended only. Edit and recall rewrite content in place and append a change entry.
create table chat.entries (
  project_id text not null,
  conversation_id text not null,
  seq bigint not null,
  message_no bigint not null,
  bears_unread boolean not null,
  id text not null,
  sender_id text not null,
  client_message_id text,
  content jsonb not null,
  created_at timestamptz not null,
  edited_at timestamptz,
  recalled_at timestamptz,
  primary key (project_id, conversation_id, seq)
);
create unique index entries_by_id on chat.entries (project_id, id);

-- One row a (sender, clientMessageId): a retry finds the message it made. Kept for at least 7 days.
create table chat.send_keys (
  project_id text not null,
  sender_id text not null,
  client_message_id text not null,
  digest bytea not null,
  message_id text not null,
  created_at timestamptz not null default now(),
  primary key (project_id, sender_id, client_message_id)
);
create index send_keys_by_age on chat.send_keys using brin (created_at);

-- Who is, or was, a member, and from which seq to which. A row outlives its membership, so that an entry's
-- audience can be told for every seq.
create table chat.members (
  project_id text not null,
  conversation_id text not null,
  user_id text not null,
  role text not null check (role in ('owner', 'admin', 'member')),
  joined_seq bigint not null,
  left_seq bigint,
  visible_from_seq bigint not null,
  read_seq bigint not null default 0,
  read_message_no bigint not null default 0,
  read_at timestamptz,
  joined_at timestamptz not null default now(),
  -- As in chat.conversations: sync names these without looking through all memberships of the user.
  large boolean not null default false,
  primary key (project_id, conversation_id, user_id)
) with (fillfactor = 80);
create index members_by_user on chat.members (project_id, user_id, conversation_id) where left_seq is null;
create index members_of_large on chat.members (project_id, user_id, conversation_id) where large and left_seq is null;

-- Which conversations of a user moved, one row each, stamped with the transaction that moved it last.
create table chat.user_changes (
  project_id text not null,
  user_id text not null,
  conversation_id text not null,
  txid xid8 not null default pg_current_xact_id(),
  primary key (project_id, user_id, conversation_id)
) with (fillfactor = 70);
create index user_changes_by_txid on chat.user_changes (project_id, user_id, txid, conversation_id);

do $$
declare
  name text;
begin
  foreach name in array array['conversations', 'entries', 'send_keys', 'members', 'user_changes'] loop
    execute format('alter table chat.%I enable row level security', name);
    execute format('alter table chat.%I force row level security', name);
    execute format(
      'create policy project_scope on chat.%I using (
         project_id = current_setting(''parley.project_id'', true)
         or current_setting(''parley.project_id'', true) = ''*'')', name);
  end loop;
end $$;
