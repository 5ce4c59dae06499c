-- A chain of entries for each project, and one of the installation itself.
create table audit.entries (
  project_id text collate "C" not null,
  -- Dense from 1.
  position bigint not null,
  id text not null,
  at timestamptz not null,
  call_id text not null,
  phase text not null check (phase in ('begun', 'ended')),
  action text not null,
  actor_kind text not null,
  actor_id text,
  remote_address text,
  -- Canonical JSON, as it was hashed.
  details text not null,
  -- SHA-256 over the hash of the entry before and all of the above.
  hash bytea not null,
  primary key (project_id, position)
);
create index entries_by_action on audit.entries (project_id, action, position);

-- The end of each chain, sealed with the master key: who cannot seal cannot shorten a chain unseen. Its row is the
-- lock under which the chain grows.
create table audit.chains (
  project_id text collate "C" primary key,
  sealed_head bytea
);

create function audit.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'entries of the audit log are never changed';
end
$$;
create trigger never_changed before update or delete on audit.entries
  for each row execute function audit.refuse_change();

alter table audit.entries enable row level security;
alter table audit.entries force row level security;
create policy project_scope on audit.entries using (
  project_id = current_setting('parley.project_id', true) or current_setting('parley.project_id', true) = '*'
);
alter table audit.chains enable row level security;
alter table audit.chains force row level security;
create policy project_scope on audit.chains using (
  project_id = current_setting('parley.project_id', true) or current_setting('parley.project_id', true) = '*'
);
