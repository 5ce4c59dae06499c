create table outbox.events (
  -- One position at a time (no sequence cache): positions handed out later are larger, over all sessions.
  position bigint generated always as identity (cache 1) primary key,
  txid xid8 not null default pg_current_xact_id(),
  id text not null,
  project_id text not null,
  resource text not null,
  type text not null,
  data json not null,
  occurred_at timestamptz not null default clock_timestamp()
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

create index events_txid on outbox.events (txid);

alter table outbox.events enable row level security;
alter table outbox.events force row level security;
create policy project_scope on outbox.events
  using (project_id = current_setting('parley.project_id', true) or current_setting('parley.project_id', true) = '*');

-- One row for each durable consumer: what it has handled, and who reads for it now.
create table outbox.consumers (
  name text primary key,
  types text[],
  -- Everything visible in this snapshot is handled.
  seen pg_snapshot not null default '1:1:',
  -- While a long backlog is paged: the snapshot that is being worked off, handled up to this position.
  until pg_snapshot,
  position bigint not null default 0,
  holder text,
  lease_until timestamptz,
  -- Grows with every change of the holder, so that a holder that lost its lease cannot save.
  generation bigint not null default 0,
  updated_at timestamptz not null default now()
) with (fillfactor = 50);

-- The cluster whose transaction ids the events and snapshots speak of.
create table outbox.history (
  singleton boolean primary key default true check (singleton),
  system_identifier text not null
);
