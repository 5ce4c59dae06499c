-- Whether all that is published in the room is encrypted end to end. Decided when the room is made.
alter table rtc.rooms add column e2ee boolean not null default false;
