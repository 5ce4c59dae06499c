-- What belongs to the installation and to no project: only the system reads it.
create table tls.secrets (
  name text primary key,
  sealed bytea not null,
  updated_at timestamptz not null default clock_timestamp()
);

create table tls.challenges (
  token text primary key,
  key_authorization text not null,
  expires_at timestamptz not null
);

create table tls.renewals (
  name text primary key,
  failures integer not null default 0,
  next_at timestamptz not null default now(),
  last_error text
);

alter table tls.secrets enable row level security;
alter table tls.secrets force row level security;
create policy system_only on tls.secrets using (current_setting('parley.project_id', true) = '*');
alter table tls.challenges enable row level security;
alter table tls.challenges force row level security;
create policy system_only on tls.challenges using (current_setting('parley.project_id', true) = '*');
alter table tls.renewals enable row level security;
alter table tls.renewals force row level security;
create policy system_only on tls.renewals using (current_setting('parley.project_id', true) = '*');
