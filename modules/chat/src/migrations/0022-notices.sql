-- Numbers of notices, dense within a project: the row is locked until the notice is committed, so that whoever has
-- read up to a number has missed none below it.
create table chat.notice_heads (
  project_id text primary key,
  head_no bigint not null
);

-- A notice is written once. Broadcasts are found by the readers; nothing is written for each of them.
create table chat.notices (
  project_id text not null,
  no bigint not null,
  id text not null,
  kind text not null check (kind in ('users', 'tags', 'all')),
  tags text[],
  content jsonb not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  primary key (project_id, no)
);
create unique index notices_by_id on chat.notices (project_id, id);
create index notices_to_many on chat.notices (project_id, no) where kind <> 'users';
create index notices_by_expiry on chat.notices (expires_at);

create table chat.notice_receivers (
  project_id text not null,
  user_id text not null,
  no bigint not null,
  primary key (project_id, user_id, no)
);
create index notice_receivers_of on chat.notice_receivers (project_id, no);

create table chat.notice_cursors (
  project_id text not null,
  user_id text not null,
  read_no bigint not null,
  primary key (project_id, user_id)
);

create table chat.user_tags (
  project_id text not null,
  user_id text not null,
  tags text[] not null,
  primary key (project_id, user_id)
);

do $$
declare
  name text;
begin
  foreach name in array array['notice_heads', 'notices', 'notice_receivers', 'notice_cursors', 'user_tags'] loop
    execute format('alter table chat.%I enable row level security', name);
    execute format('alter table chat.%I force row level security', name);
    execute format(
      'create policy project_scope on chat.%I using (
         project_id = current_setting(''parley.project_id'', true)
         or current_setting(''parley.project_id'', true) = ''*'')', name);
  end loop;
end $$;
