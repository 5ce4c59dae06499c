-- Names one line of history. It changes when the tables come here from somewhere else (dump and restore), so that
-- whoever kept a transaction id or a place of the former line sees that it cannot be continued.
alter table outbox.history add column epoch text not null default gen_random_uuid()::text;
