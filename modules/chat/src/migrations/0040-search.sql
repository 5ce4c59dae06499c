-- Words of messages, written behind the log. `words` holds the conversation as a word of its own, so that the index
-- meets the reader's conversations and the words in one look.
create table chat.search_documents (
  project_id text not null,
  conversation_id text not null,
  seq bigint not null,
  sender_id text not null,
  content_type text not null,
  created_at timestamptz not null,
  words tsvector not null,
  primary key (project_id, conversation_id, seq)
);
create index search_documents_by_word on chat.search_documents using gin (words);

alter table chat.search_documents enable row level security;
alter table chat.search_documents force row level security;
create policy project_scope on chat.search_documents using (
  project_id = current_setting('parley.project_id', true)
  or current_setting('parley.project_id', true) = '*');
