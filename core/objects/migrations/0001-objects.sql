create schema if not exists objects;

-- One row a file. `pending` was announced, `stored` has its bytes in the object store for good, `abandoned` never
-- got them and is being removed.
create table objects.objects (
  project_id text not null,
  id text not null,
  owner_id text,
  name text not null,
  content_type text not null,
  size_bytes bigint not null,
  sha256 text,
  state text not null default 'pending' check (state in ('pending', 'stored', 'abandoned')),
  created_at timestamptz not null default now(),
  stored_at timestamptz,
  primary key (project_id, id)
);
create index objects_unfinished on objects.objects (project_id, owner_id, created_at) where state <> 'stored';

alter table objects.objects enable row level security;
alter table objects.objects force row level security;
create policy project_scope on objects.objects
  using (
    project_id = current_setting('parley.project_id', true) or current_setting('parley.project_id', true) = '*'
  );
