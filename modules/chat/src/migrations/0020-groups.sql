-- How a group is run, who is silent in it, and what it says of itself.
alter table chat.conversations
  add column settings jsonb,
  add column mute_all jsonb,
  add column announcement jsonb,
  add column dissolved_at timestamptz;

-- changed_version: version of the conversation that touched the row last, so that a process brings what it holds of
-- a large group up to date by reading what changed.
alter table chat.members
  add column muted_until timestamptz,
  add column nickname text,
  add column custom jsonb,
  add column changed_version bigint not null default 0;
create index members_by_change on chat.members (project_id, conversation_id, changed_version);
create index members_muted on chat.members (project_id, conversation_id, user_id) where muted_until is not null;

create table chat.bans (
  project_id text not null,
  conversation_id text not null,
  user_id text not null,
  banned_by text,
  reason text,
  until timestamptz,
  created_at timestamptz not null default now(),
  primary key (project_id, conversation_id, user_id)
);

create table chat.join_requests (
  project_id text not null,
  id text not null,
  conversation_id text not null,
  user_id text not null,
  message text,
  status text not null default 'pending' check (status in ('pending', 'approved', 'rejected', 'withdrawn', 'expired')),
  reason text,
  decided_by text,
  created_at timestamptz not null default now(),
  decided_at timestamptz,
  expires_at timestamptz not null,
  primary key (project_id, id)
);
create unique index join_requests_open on chat.join_requests (project_id, conversation_id, user_id)
  where status = 'pending';
create index join_requests_listed on chat.join_requests (project_id, conversation_id, status, id);

create table chat.invitations (
  project_id text not null,
  id text not null,
  conversation_id text not null,
  user_id text not null,
  inviter_id text,
  message text,
  status text not null default 'pending'
    check (status in ('pending', 'accepted', 'declined', 'withdrawn', 'expired')),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  primary key (project_id, id)
);
create unique index invitations_open on chat.invitations (project_id, conversation_id, user_id)
  where status = 'pending';
create index invitations_to_user on chat.invitations (project_id, user_id, id) where status = 'pending';

-- Tokens are kept as SHA-256 only.
create table chat.invitation_links (
  project_id text not null,
  id text not null,
  conversation_id text not null,
  token_hash bytea not null,
  created_by text,
  uses integer not null default 0,
  max_uses integer,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  primary key (project_id, id)
);
create unique index invitation_links_by_token on chat.invitation_links (project_id, token_hash);
create index invitation_links_listed on chat.invitation_links (project_id, conversation_id, id);

create table chat.attributes (
  project_id text not null,
  conversation_id text not null,
  key text not null,
  value text not null,
  version bigint not null,
  updated_by text,
  updated_at timestamptz not null default now(),
  primary key (project_id, conversation_id, key)
);

create table chat.announcements (
  project_id text not null,
  conversation_id text not null,
  seq bigint not null,
  text text not null,
  user_id text,
  announced_at timestamptz not null default now(),
  primary key (project_id, conversation_id, seq)
);

do $$
declare
  name text;
begin
  foreach name in array array['bans', 'join_requests', 'invitations', 'invitation_links', 'attributes',
    'announcements'] loop
    execute format('alter table chat.%I enable row level security', name);
    execute format('alter table chat.%I force row level security', name);
    execute format(
      'create policy project_scope on chat.%I using (
         project_id = current_setting(''parley.project_id'', true)
         or current_setting(''parley.project_id'', true) = ''*'')', name);
  end loop;
end $$;
