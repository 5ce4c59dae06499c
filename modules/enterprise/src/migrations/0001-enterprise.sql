-- One row a project. Whoever changes the directory holds it, so that versions are dense and in order of commit.
create table enterprise.directories (
  project_id text collate "C" primary key,
  version bigint not null default 0,
  -- Version of the last change of what is visible to whom.
  rules_version bigint not null default 0,
  -- Devices that synced before this begin anew.
  reset_version bigint not null default 0,
  -- Under the master key; keys the blind index of phone numbers and addresses.
  sealed_index_key bytea not null
);

create table enterprise.departments (
  project_id text collate "C" not null,
  id text collate "C" not null,
  name text not null,
  parent_id text collate "C",
  place bigint not null default 0,
  manager_id text collate "C",
  visibility jsonb not null,
  version bigint not null,
  removed_at timestamptz,
  primary key (project_id, id)
);
create index departments_by_parent on enterprise.departments (project_id, parent_id, place, id)
  where removed_at is null;
create index departments_by_version on enterprise.departments (project_id, version);

create table enterprise.members (
  project_id text collate "C" not null,
  user_id text collate "C" not null,
  name text not null,
  folded_name text not null,
  initials text not null,
  employee_number text,
  sealed_phone bytea,
  phone_index bytea,
  sealed_email bytea,
  email_index bytea,
  tags text[] not null default '{}',
  status text not null,
  version bigint not null,
  -- Version of the last change of where the member is: what is visible to them may be another.
  placed_version bigint not null,
  -- All departments the member ever was in: who could see them hears that they are gone.
  was_in text[] not null default '{}',
  -- Of what was put: the same again changes nothing.
  digest bytea not null,
  removed_at timestamptz,
  primary key (project_id, user_id)
);
create unique index members_by_employee_number on enterprise.members (project_id, employee_number)
  where employee_number is not null and removed_at is null;
create index members_by_phone on enterprise.members (project_id, phone_index) where phone_index is not null;
create index members_by_email on enterprise.members (project_id, email_index) where email_index is not null;
create index members_by_version on enterprise.members (project_id, version);
create index members_by_initials on enterprise.members (project_id, initials text_pattern_ops);
create index members_by_tag on enterprise.members using gin (tags);

create table enterprise.places (
  project_id text collate "C" not null,
  user_id text collate "C" not null,
  place integer not null,
  department_id text collate "C" not null,
  title text,
  primary key (project_id, user_id, place),
  foreign key (project_id, user_id) references enterprise.members on delete cascade
);
create index places_by_department on enterprise.places (project_id, department_id, user_id);

create table enterprise.imports (
  project_id text collate "C" not null,
  id text collate "C" not null,
  kind text not null,
  format text not null,
  dry_run boolean not null,
  digest bytea not null,
  -- Under the master key: it holds numbers and addresses. Gone once the import is finished.
  sealed_content bytea,
  rows integer not null,
  done_rows integer not null default 0,
  changed_rows integer not null default 0,
  unchanged_rows integer not null default 0,
  failed_rows integer not null default 0,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (project_id, id)
);

create table enterprise.import_failures (
  project_id text collate "C" not null,
  import_id text collate "C" not null,
  row_no integer not null,
  code text not null,
  detail text not null,
  primary key (project_id, import_id, row_no),
  foreign key (project_id, import_id) references enterprise.imports on delete cascade
);

create table enterprise.bots (
  project_id text collate "C" not null,
  id text collate "C" not null,
  conversation_id text collate "C" not null,
  user_id text collate "C" not null,
  name text not null,
  enabled boolean not null default true,
  keywords text[] not null,
  allow_addresses text[] not null,
  require_signature boolean not null,
  outgoing jsonb,
  -- SHA-256 of 256 random bits.
  token_hash bytea not null,
  sealed_secret bytea not null,
  -- Token bucket of posts, over all processes.
  posts_left double precision not null,
  posts_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default now(),
  primary key (project_id, id)
);
create unique index bots_by_token on enterprise.bots (token_hash);
create index bots_by_conversation on enterprise.bots (project_id, conversation_id);
create index bots_by_user on enterprise.bots (project_id, user_id);

-- Calls to the owners of hooks and cards. Those of one queue go out in order, one at a time.
create table enterprise.calls (
  project_id text collate "C" not null,
  queue text collate "C" not null,
  place bigint generated always as identity,
  bot_id text collate "C",
  message_id text collate "C" not null,
  click_id text collate "C",
  attempts integer not null default 0,
  failed_at timestamptz,
  primary key (project_id, queue, place)
);
create unique index calls_once on enterprise.calls (project_id, queue, message_id, coalesce(click_id, ''));

create table enterprise.clicks (
  project_id text collate "C" not null,
  id text collate "C" not null,
  message_id text collate "C" not null,
  conversation_id text collate "C" not null,
  owner_id text collate "C" not null,
  user_id text collate "C" not null,
  click_id text collate "C" not null,
  action_id text collate "C" not null,
  value text,
  created_at timestamptz not null default now(),
  primary key (project_id, id)
);
create unique index clicks_once on enterprise.clicks (project_id, message_id, user_id, click_id);

create table enterprise.templates (
  project_id text collate "C" not null,
  id text collate "C" not null,
  definition jsonb not null,
  enabled boolean not null,
  version integer not null,
  primary key (project_id, id)
);

create table enterprise.approvals (
  project_id text collate "C" not null,
  id text collate "C" not null,
  submitter_id text collate "C" not null,
  request_id text collate "C" not null,
  digest bytea not null,
  state text not null,
  -- Template, form and standing as the contract shows them.
  body jsonb not null,
  version integer not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (project_id, id)
);
create unique index approvals_once on enterprise.approvals (project_id, submitter_id, request_id);

-- Who takes part, for lists: a user may do so in several roles.
create table enterprise.approval_people (
  project_id text collate "C" not null,
  user_id text collate "C" not null,
  role text collate "C" not null,
  approval_id text collate "C" not null,
  primary key (project_id, user_id, role, approval_id),
  foreign key (project_id, approval_id) references enterprise.approvals on delete cascade
);
create index approval_people_by_approval on enterprise.approval_people (project_id, approval_id);

create table enterprise.approval_cards (
  project_id text collate "C" not null,
  approval_id text collate "C" not null,
  user_id text collate "C" not null,
  -- Absent until it was sent.
  message_id text collate "C",
  version integer not null,
  -- As it is first sent: the same again after a crash sends nothing. Empty once it was.
  first_card jsonb not null,
  primary key (project_id, approval_id, user_id),
  foreign key (project_id, approval_id) references enterprise.approvals on delete cascade
);

do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['directories', 'departments', 'members', 'places', 'imports', 'import_failures',
    'bots', 'calls', 'clicks', 'templates', 'approvals', 'approval_people', 'approval_cards'] loop
    execute format('alter table enterprise.%I enable row level security', tenant_table);
    execute format('alter table enterprise.%I force row level security', tenant_table);
    execute format(
      'create policy project_scope on enterprise.%I using (project_id = current_setting(''parley.project_id'', true)'
      ' or current_setting(''parley.project_id'', true) = ''*'')',
      tenant_table
    );
  end loop;
end
$$;
