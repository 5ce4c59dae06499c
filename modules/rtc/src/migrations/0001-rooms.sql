create schema if not exists rtc;

-- A room that was made or used. Who is in it is in the memory of the process that holds it; that process extends its
-- lease, and when it does not, another may take the room.
create table rtc.rooms (
  project_id text collate "C" not null,
  room_id text collate "C" not null,
  name text,
  created_at timestamptz not null default now(),
  holder text collate "C",
  held_until timestamptz,
  primary key (project_id, room_id)
) with (fillfactor = 70);
create index rooms_by_holder on rtc.rooms (holder) where holder is not null;

alter table rtc.rooms enable row level security;
alter table rtc.rooms force row level security;
create policy project_scope on rtc.rooms using (
  project_id = current_setting('parley.project_id', true) or current_setting('parley.project_id', true) = '*'
);
