-- All files of an owner, when what the owner keeps is erased.
create index objects_by_owner on objects.objects (project_id, owner_id) where owner_id is not null;
