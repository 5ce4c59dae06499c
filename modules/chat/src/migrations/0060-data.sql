-- What erasing, exporting and retention look for. All partial: an ordinary message is in none of them.
create index members_who_left on chat.members (project_id, user_id, conversation_id) where left_seq is not null;
create index entries_changing on chat.entries (project_id, conversation_id, ((content->>'targetSeq')::bigint))
  where content ? 'targetSeq';
create index entries_with_file on chat.entries (project_id, (content->>'objectId')) where content ? 'objectId';
create index entries_forwarded on chat.entries (project_id, (facts->'forwardedFrom'->>'senderId'))
  where facts ? 'forwardedFrom';
create index entries_merged on chat.entries (project_id, conversation_id, seq)
  where content->>'type' = 'merged-forward';
create index reactions_of_user on chat.reactions (project_id, user_id);
create index poll_votes_of_user on chat.poll_votes (project_id, user_id);
create index hidden_entries_of_user on chat.hidden_entries (project_id, user_id);
create index chatroom_entries_of_sender on chat.chatroom_entries (project_id, sender_id);

create table chat.retention_policies (
  project_id text not null,
  policy jsonb not null,
  erased_messages bigint not null default 0,
  last_run_at timestamptz,
  due_before timestamptz,
  primary key (project_id)
);
-- Up to which seq a conversation has been looked through for contents that are kept for so many days.
create table chat.retention_marks (
  project_id text not null,
  conversation_id text not null,
  days integer not null,
  seq bigint not null,
  primary key (project_id, conversation_id, days)
);

-- How far the log of a conversation is an import: more is taken as long as nothing else was written.
create table chat.imported_conversations (
  project_id text not null,
  conversation_id text not null,
  operation_id text not null,
  head_seq bigint not null,
  last_at timestamptz,
  primary key (project_id, conversation_id)
);
create index imported_by_operation on chat.imported_conversations (project_id, operation_id);
create table chat.import_keys (
  project_id text not null,
  conversation_id text not null,
  external_id text not null,
  message_id text not null,
  primary key (project_id, conversation_id, external_id)
);
create table chat.import_errors (
  project_id text not null,
  operation_id text not null,
  line bigint not null,
  code text not null,
  detail text not null,
  primary key (project_id, operation_id, line)
);

do $$
declare
  name text;
begin
  foreach name in array array['retention_policies', 'retention_marks', 'imported_conversations', 'import_keys',
    'import_errors'] loop
    execute format('alter table chat.%I enable row level security', name);
    execute format('alter table chat.%I force row level security', name);
    execute format(
      'create policy project_scope on chat.%I using (
         project_id = current_setting(''parley.project_id'', true)
         or current_setting(''parley.project_id'', true) = ''*'')', name);
  end loop;
end $$;
