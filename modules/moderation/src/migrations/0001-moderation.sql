create table moderation.word_lists (
  project_id text collate "C" not null,
  list_id text collate "C" not null,
  verdict text not null,
  -- Absent: all types of conversations.
  conversation_types text[],
  languages text[],
  whole_words boolean not null,
  leet boolean not null,
  word_count integer not null default 0,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (project_id, list_id)
);

create table moderation.words (
  project_id text collate "C" not null,
  list_id text collate "C" not null,
  word text collate "C" not null,
  verdict text,
  primary key (project_id, list_id, word),
  foreign key (project_id, list_id) references moderation.word_lists on delete cascade
);

create table moderation.policies (
  project_id text collate "C" primary key,
  -- Only what the customer set.
  settings jsonb not null default '{}'
);

create table moderation.audits (
  project_id text collate "C" primary key,
  url text not null,
  kinds text[] not null,
  timeout_ms integer not null,
  fallback text not null,
  mode text not null,
  -- Under the master key, bound to the project.
  sealed_secret bytea not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table moderation.restrictions (
  project_id text collate "C" not null,
  id text collate "C" not null,
  user_id text collate "C" not null,
  kind text not null,
  conversation_id text collate "C",
  -- Milliseconds since 1970; absent: until lifted.
  until_ms bigint,
  reason text,
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  primary key (project_id, id)
);
create index restrictions_live on moderation.restrictions (project_id, user_id) where ended_at is null;

create table moderation.cases (
  project_id text collate "C" not null,
  id text collate "C" not null,
  source text not null,
  state text not null default 'open',
  target_type text not null,
  target_id text collate "C" not null,
  conversation_id text collate "C",
  user_id text collate "C",
  reasons text[] not null default '{}',
  report_count integer not null default 0,
  evidence jsonb,
  claimed_by text,
  action text,
  resolution text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  resolved_at timestamptz,
  primary key (project_id, id)
);
-- What is said about the same thing while nobody has decided is one case.
create unique index cases_undecided on moderation.cases (project_id, source, target_type, target_id)
  where state <> 'resolved';
create index cases_by_state on moderation.cases (project_id, state, id);

create table moderation.reports (
  project_id text collate "C" not null,
  case_id text collate "C" not null,
  reporter_id text collate "C" not null,
  reason text not null,
  note text,
  created_at timestamptz not null default now(),
  primary key (project_id, case_id, reporter_id),
  foreign key (project_id, case_id) references moderation.cases on delete cascade
);

create table moderation.notes (
  project_id text collate "C" not null,
  case_id text collate "C" not null,
  id text collate "C" not null,
  author text not null,
  text text not null,
  created_at timestamptz not null default now(),
  primary key (project_id, case_id, id),
  foreign key (project_id, case_id) references moderation.cases on delete cascade
);

-- Each try to report, whatever became of it: what the limit of a reporter counts.
create table moderation.report_tries (
  project_id text collate "C" not null,
  reporter_id text collate "C" not null,
  tried_at timestamptz not null default clock_timestamp()
);
create index report_tries_by_reporter on moderation.report_tries (project_id, reporter_id, tried_at);
create index report_tries_by_time on moderation.report_tries (tried_at);

do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['word_lists', 'words', 'policies', 'audits', 'restrictions', 'cases', 'reports',
    'notes', 'report_tries'] loop
    execute format('alter table moderation.%I enable row level security', tenant_table);
    execute format('alter table moderation.%I force row level security', tenant_table);
    execute format(
      'create policy project_scope on moderation.%I using (project_id = current_setting(''parley.project_id'', true)'
      ' or current_setting(''parley.project_id'', true) = ''*'')',
      tenant_table
    );
  end loop;
end
$$;
