create table social.settings (
  project_id text collate "C" primary key,
  -- Only what the customer set.
  settings jsonb not null default '{}'
);

-- What is counted for each user, and the heads of what is numbered for each user.
create table social.people (
  project_id text collate "C" not null,
  user_id text collate "C" not null,
  friends integer not null default 0,
  friend_version bigint not null default 0,
  blocks integer not null default 0,
  followers integer not null default 0,
  following integer not null default 0,
  moments integer not null default 0,
  interaction_no bigint not null default 0,
  interaction_read_no bigint not null default 0,
  primary key (project_id, user_id)
);

create table social.blocks (
  project_id text collate "C" not null,
  user_id text collate "C" not null,
  blocked_id text collate "C" not null,
  created_at timestamptz not null default now(),
  primary key (project_id, user_id, blocked_id)
);
create index blocks_of on social.blocks (project_id, blocked_id, user_id);

-- One row for each side of a friendship; the row of an ended one stays for those who sync.
create table social.friends (
  project_id text collate "C" not null,
  user_id text collate "C" not null,
  friend_id text collate "C" not null,
  remark text,
  labels text[] not null default '{}',
  version bigint not null,
  removed boolean not null default false,
  created_at timestamptz not null default now(),
  primary key (project_id, user_id, friend_id)
);
create index friends_versions on social.friends (project_id, user_id, version);
create index friends_of on social.friends (project_id, friend_id, user_id) where not removed;

create table social.friend_requests (
  project_id text collate "C" not null,
  id text collate "C" not null,
  from_user_id text collate "C" not null,
  to_user_id text collate "C" not null,
  message text,
  -- What the asker will call the friend.
  remark text,
  status text not null default 'pending',
  reason text,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  primary key (project_id, id)
);
create unique index friend_requests_open on social.friend_requests (project_id, from_user_id, to_user_id)
  where status = 'pending';
create index friend_requests_received on social.friend_requests (project_id, to_user_id, id);
create index friend_requests_sent on social.friend_requests (project_id, from_user_id, id);

create table social.follows (
  project_id text collate "C" not null,
  user_id text collate "C" not null,
  followed_id text collate "C" not null,
  created_at timestamptz not null default now(),
  primary key (project_id, user_id, followed_id)
);
create index follows_of on social.follows (project_id, followed_id, user_id);

create table social.profiles (
  project_id text collate "C" not null,
  user_id text collate "C" not null,
  -- Lower-case copy of the name that identity keeps, for search by its beginning.
  search_name text collate "C",
  fields jsonb not null default '{}',
  visibility jsonb not null default '{}',
  friend_policy text,
  phone_hash text collate "C",
  email_hash text collate "C",
  updated_at timestamptz not null default now(),
  primary key (project_id, user_id)
);
create index profiles_names on social.profiles (project_id, search_name) where search_name is not null;
create index profiles_phones on social.profiles (project_id, phone_hash) where phone_hash is not null;
create index profiles_emails on social.profiles (project_id, email_hash) where email_hash is not null;

create table social.moments (
  project_id text collate "C" not null,
  id text collate "C" not null,
  author_id text collate "C" not null,
  client_moment_id text collate "C",
  text text not null,
  media jsonb not null default '[]',
  location jsonb,
  mentions text[] not null default '{}',
  custom jsonb,
  visibility text not null,
  labels text[] not null default '{}',
  excluded text[] not null default '{}',
  likes integer not null default 0,
  comments integer not null default 0,
  created_at timestamptz not null default now(),
  primary key (project_id, id)
);
create unique index moments_of on social.moments (project_id, author_id, id);
create unique index moments_client on social.moments (project_id, author_id, client_moment_id)
  where client_moment_id is not null;

create table social.likes (
  project_id text collate "C" not null,
  moment_id text collate "C" not null,
  user_id text collate "C" not null,
  created_at timestamptz not null default now(),
  primary key (project_id, moment_id, user_id),
  foreign key (project_id, moment_id) references social.moments on delete cascade
);

create table social.comments (
  project_id text collate "C" not null,
  moment_id text collate "C" not null,
  id text collate "C" not null,
  author_id text collate "C" not null,
  reply_to_id text collate "C",
  reply_to_user_id text collate "C",
  text text not null,
  mentions text[] not null default '{}',
  created_at timestamptz not null default now(),
  primary key (project_id, moment_id, id),
  foreign key (project_id, moment_id) references social.moments on delete cascade
);

create table social.interactions (
  project_id text collate "C" not null,
  user_id text collate "C" not null,
  no bigint not null,
  kind text not null,
  actor_id text collate "C" not null,
  moment_id text collate "C",
  comment_id text collate "C",
  created_at timestamptz not null default now(),
  primary key (project_id, user_id, no)
);
create index interactions_moments on social.interactions (project_id, moment_id) where moment_id is not null;
create index interactions_actors on social.interactions (project_id, user_id, actor_id, kind);

do $$
declare
  name text;
begin
  foreach name in array array['settings', 'people', 'blocks', 'friends', 'friend_requests', 'follows', 'profiles',
    'moments', 'likes', 'comments', 'interactions'] loop
    execute format('alter table social.%I enable row level security', name);
    execute format('alter table social.%I force row level security', name);
    execute format('create policy project_scope on social.%I using (project_id = current_setting(''parley.project_id'', true) or current_setting(''parley.project_id'', true) = ''*'')', name);
  end loop;
end $$;
