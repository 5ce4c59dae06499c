-- Rooms from before are found by nobody who does not know their id.
alter table chat.chatrooms add column listed boolean not null default false;
create index chatrooms_by_age on chat.chatrooms (project_id, created_at desc, id desc);
create index chatrooms_listed_by_age on chat.chatrooms (project_id, created_at desc, id desc) where listed;
