create table ledger.facts (
  project_id text not null,
  id text not null,
  type text not null,
  subject text not null,
  occurred_at timestamptz not null,
  quantity bigint,
  data jsonb not null,
  recorded_at timestamptz not null default now(),
  primary key (project_id, id)
);

create index facts_time on ledger.facts (project_id, occurred_at, id);

alter table ledger.facts enable row level security;
alter table ledger.facts force row level security;
create policy project_scope on ledger.facts
  using (project_id = current_setting('parley.project_id', true) or current_setting('parley.project_id', true) = '*');

create table ledger.intervals (
  project_id text not null,
  id text not null,
  subscriber text not null,
  publication text,
  kind text not null,
  from_at timestamptz not null,
  -- In no index, so that a heartbeat touches the row only.
  to_at timestamptz not null check (to_at >= from_at),
  received_width integer,
  received_height integer,
  published_width integer,
  published_height integer,
  source text not null,
  primary key (project_id, id)
) with (fillfactor = 70);

create index intervals_time on ledger.intervals (project_id, from_at, id);

alter table ledger.intervals enable row level security;
alter table ledger.intervals force row level security;
create policy project_scope on ledger.intervals
  using (project_id = current_setting('parley.project_id', true) or current_setting('parley.project_id', true) = '*');
