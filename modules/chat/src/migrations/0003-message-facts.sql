-- What is known of a message beside its content, and when it goes. All null for an ordinary message, so that the
-- partial indexes cost an ordinary send nothing.
alter table chat.entries
  add column facts jsonb,
  add column thread_root_seq bigint,
  add column reply_to_seq bigint,
  add column expires_at timestamptz,
  add column burn_after_ms bigint;
create index entries_of_thread on chat.entries (project_id, conversation_id, thread_root_seq, seq)
  where thread_root_seq is not null;
create index entries_replying on chat.entries (project_id, conversation_id, reply_to_seq)
  where reply_to_seq is not null;
create index entries_expiring on chat.entries (expires_at) where expires_at is not null and recalled_at is null;
create index entries_burning on chat.entries (project_id, conversation_id, seq)
  where burn_after_ms is not null and recalled_at is null;

alter table chat.conversations
  add column expires_after_ms bigint,
  add column burn_after_ms bigint;

alter table chat.members add column draft jsonb;

-- What a message was before each edit.
create table chat.earlier_contents (
  project_id text not null,
  message_id text not null,
  version integer not null,
  content jsonb not null,
  replaced_at timestamptz not null default now(),
  primary key (project_id, message_id, version)
);

create table chat.reactions (
  project_id text not null,
  message_id text not null,
  emoji text not null,
  user_id text not null,
  created_at timestamptz not null default now(),
  primary key (project_id, message_id, emoji, user_id)
);

create table chat.pins (
  project_id text not null,
  conversation_id text not null,
  seq bigint not null,
  pinned_at timestamptz not null default now(),
  primary key (project_id, conversation_id, seq)
);

create table chat.poll_votes (
  project_id text not null,
  message_id text not null,
  user_id text not null,
  options integer[] not null,
  voted_at timestamptz not null default now(),
  primary key (project_id, message_id, user_id)
);

create table chat.translations (
  project_id text not null,
  message_id text not null,
  language text not null,
  -- Time of the edit that was translated; null for the message as it was sent.
  edited_at timestamptz,
  translated text not null,
  detected_language text,
  primary key (project_id, message_id, language)
);

create table chat.scheduled_messages (
  project_id text not null,
  id text not null,
  sender_id text not null,
  client_message_id text not null,
  conversation_id text not null,
  to_user_id text,
  content jsonb not null,
  options jsonb not null,
  send_at timestamptz not null,
  state text not null check (state in ('waiting', 'sending', 'sent', 'failed', 'cancelled')),
  message_id text,
  error text,
  created_at timestamptz not null default now(),
  primary key (project_id, id)
);
create index scheduled_waiting on chat.scheduled_messages (project_id, sender_id, send_at, id) where state = 'waiting';
create unique index scheduled_by_client_id
  on chat.scheduled_messages (project_id, sender_id, client_message_id);

-- A packet of money in shares; every share has its amount from the beginning, so that the split is exact.
create table chat.packets (
  project_id text not null,
  message_id text not null,
  conversation_id text not null,
  sender_id text not null,
  currency text not null,
  scale integer not null,
  expires_at timestamptz not null,
  state text not null check (state in ('open', 'claimed', 'refunded')),
  primary key (project_id, message_id)
);
create table chat.packet_shares (
  project_id text not null,
  message_id text not null,
  share_no integer not null,
  amount bigint not null,
  state text not null check (state in ('free', 'reserved', 'claimed', 'refunded')),
  user_id text,
  -- Of the reservation first, then of the claim.
  at timestamptz,
  primary key (project_id, message_id, share_no)
);
create unique index packet_share_of_user on chat.packet_shares (project_id, message_id, user_id)
  where user_id is not null;

-- A text that grows: its pieces until it is final.
create table chat.streams (
  project_id text not null,
  message_id text not null,
  conversation_id text not null,
  writer_id text not null,
  length bigint not null default 0,
  touched_at timestamptz not null default now(),
  primary key (project_id, message_id)
) with (fillfactor = 70);
create table chat.stream_pieces (
  project_id text not null,
  message_id text not null,
  at_offset bigint not null,
  piece text not null,
  primary key (project_id, message_id, at_offset)
);

do $$
declare
  name text;
begin
  foreach name in array array['earlier_contents', 'reactions', 'pins', 'poll_votes', 'translations',
    'scheduled_messages', 'packets', 'packet_shares', 'streams', 'stream_pieces'] loop
    execute format('alter table chat.%I enable row level security', name);
    execute format('alter table chat.%I force row level security', name);
    execute format(
      'create policy project_scope on chat.%I using (
         project_id = current_setting(''parley.project_id'', true)
         or current_setting(''parley.project_id'', true) = ''*'')', name);
  end loop;
end $$;
