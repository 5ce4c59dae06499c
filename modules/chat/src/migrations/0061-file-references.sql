-- Who else holds a file, asked before it is released with the message that held it. All partial.
create index entries_with_poster on chat.entries (project_id, (content->>'posterObjectId'))
  where content ? 'posterObjectId';
create index entries_with_files_inside on chat.entries using gin (
    (jsonb_path_query_array(content, '$.**.objectId') || jsonb_path_query_array(content, '$.**.posterObjectId'))
  ) where content->>'type' in ('merged-forward', 'custom');
create index earlier_contents_with_file on chat.earlier_contents (project_id, (content->>'objectId'))
  where content ? 'objectId';
create index chatroom_entries_with_file on chat.chatroom_entries (project_id, (content->>'objectId'))
  where content ? 'objectId';
