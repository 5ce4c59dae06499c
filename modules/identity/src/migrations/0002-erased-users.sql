-- Tokens from before an erasure must not bring the user back. The id is kept as a keyed hash only.
create table identity.erased_users (
  project_id text collate "C" not null,
  user_hash text collate "C" not null,
  erased_at timestamptz not null,
  primary key (project_id, user_hash)
);
alter table identity.erased_users enable row level security;
alter table identity.erased_users force row level security;
create policy project_scope on identity.erased_users using (
  project_id = current_setting('parley.project_id', true) or current_setting('parley.project_id', true) = '*');
