-- What the header of a picture, a sound or a film tells, and when a released file may go for good.
alter table objects.objects add column media jsonb;
alter table objects.objects add column deletable_at timestamptz;
create index objects_deletable on objects.objects (deletable_at) where deletable_at is not null;

-- How far a file that arrives in pieces has come. `progress` is the object store's; `writer` names the request that
-- may move it on, so that one that was thought dead cannot.
create table objects.transfers (
  project_id text not null,
  object_id text not null,
  received_bytes bigint not null,
  progress jsonb not null,
  writer text not null,
  expires_at timestamptz not null,
  primary key (project_id, object_id),
  foreign key (project_id, object_id) references objects.objects (project_id, id) on delete cascade
);
create index transfers_expiry on objects.transfers (expires_at);

-- What a project holds: announced and stored bytes, until they are removed. Null: the limit of the installation.
create table objects.usage (
  project_id text primary key,
  used_bytes bigint not null default 0,
  objects bigint not null default 0,
  max_stored_bytes bigint,
  max_object_bytes bigint
);
set local parley.project_id = '*';
insert into objects.usage (project_id, used_bytes, objects)
select project_id, sum(size_bytes), count(*) from objects.objects group by project_id;

alter table objects.transfers enable row level security;
alter table objects.transfers force row level security;
create policy project_scope on objects.transfers
  using (
    project_id = current_setting('parley.project_id', true) or current_setting('parley.project_id', true) = '*'
  );
alter table objects.usage enable row level security;
alter table objects.usage force row level security;
create policy project_scope on objects.usage
  using (
    project_id = current_setting('parley.project_id', true) or current_setting('parley.project_id', true) = '*'
  );
