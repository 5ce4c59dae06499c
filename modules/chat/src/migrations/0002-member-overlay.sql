-- Up to where entries have reached a device of the member. Not indexed, so that moving it rewrites one row in place.
alter table chat.members add column delivered_seq bigint not null default 0;

-- Entries that a member deleted for themselves. `version` orders them, so that a device asks for what came since;
-- `hides` spares everybody else the look.
alter table chat.members add column hides boolean not null default false;
create table chat.hidden_entries (
  project_id text not null,
  conversation_id text not null,
  user_id text not null,
  seq bigint not null,
  version bigint not null,
  primary key (project_id, conversation_id, user_id, seq)
);
create unique index hidden_by_version on chat.hidden_entries (project_id, conversation_id, user_id, version);
alter table chat.hidden_entries enable row level security;
alter table chat.hidden_entries force row level security;
create policy project_scope on chat.hidden_entries using (
  project_id = current_setting('parley.project_id', true) or current_setting('parley.project_id', true) = '*');
