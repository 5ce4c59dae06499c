create table telemetry.points (
  project_id text not null,
  subject text not null,
  name text not null,
  at timestamptz not null,
  data jsonb not null
);

create index points_subject on telemetry.points (project_id, subject, at);
-- Points arrive in the order of time: retention finds the oldest blocks without a second large index.
create index points_at on telemetry.points using brin (at) with (pages_per_range = 32, autosummarize = on);

alter table telemetry.points enable row level security;
alter table telemetry.points force row level security;
create policy project_scope on telemetry.points
  using (project_id = current_setting('parley.project_id', true) or current_setting('parley.project_id', true) = '*');
