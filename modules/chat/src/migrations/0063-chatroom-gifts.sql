-- One row a gift: a repeat is answered with what the first try was. Kept as long as send_keys.
create table chat.chatroom_gifts (
  project_id text not null,
  chatroom_id text not null,
  sender_id text not null,
  client_message_id text not null,
  digest bytea not null,
  message_id text not null,
  seq bigint,
  created_at timestamptz not null,
  primary key (project_id, chatroom_id, sender_id, client_message_id)
);
create index chatroom_gifts_by_age on chat.chatroom_gifts using brin (created_at);
create index chatroom_gifts_by_sender on chat.chatroom_gifts (project_id, sender_id);

alter table chat.chatroom_gifts enable row level security;
alter table chat.chatroom_gifts force row level security;
create policy project_scope on chat.chatroom_gifts using (
  project_id = current_setting('parley.project_id', true)
  or current_setting('parley.project_id', true) = '*');
