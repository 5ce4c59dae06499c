-- Where the process that holds the room is reached by the others; null when it takes no requests from them.
alter table rtc.rooms add column holder_address text;
