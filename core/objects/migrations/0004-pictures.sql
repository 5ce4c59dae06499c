-- Pictures of profiles and groups are read by an address that lasts; whoever has it knows this.
alter table objects.objects add column picture_token text;
