create schema if not exists http;

-- One row a first call with an Idempotency-Key. `owner` is '' for API keys of the project, else the user, so that
-- no caller meets the key or the answer of another. The body is sealed: answers may hold secrets.
create table http.idempotency_keys (
  project_id text not null,
  owner text not null,
  key text not null,
  fingerprint bytea not null,
  attempt text not null,
  lease_until timestamptz not null,
  status integer,
  headers jsonb,
  body bytea,
  expires_at timestamptz not null,
  primary key (project_id, owner, key)
);
create index idempotency_keys_by_expiry on http.idempotency_keys (expires_at);

alter table http.idempotency_keys enable row level security;
alter table http.idempotency_keys force row level security;
create policy project_scope on http.idempotency_keys
  using (
    project_id = current_setting('parley.project_id', true) or current_setting('parley.project_id', true) = '*'
  );
