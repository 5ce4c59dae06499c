-- A community is a conversation whose log tells of its members; its channels are conversations under it. Who is in a
-- public channel follows from the community: rows of chat.members in a public channel say who has opened it.
alter table chat.conversations drop constraint conversations_type_check;
alter table chat.conversations add constraint conversations_type_check
  check (type in ('direct', 'group', 'community', 'channel'));
alter table chat.conversations
  add column parent_id text,
  add column public boolean not null default false,
  add column category text,
  add column position integer not null default 0;
create index channels_of_community on chat.conversations (project_id, parent_id, position, id)
  where parent_id is not null;
