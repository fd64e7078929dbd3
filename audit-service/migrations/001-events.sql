-- Every event once, in the order in which it was kept. The sequence has no holes: each row is chained to the one before
-- by its hash, and the primary key keeps two copies of the service from continuing the same row.
create table events (
  sequence integer primary key,
  id text not null unique,
  type text not null,
  subject text not null,
  source text not null,
  time text not null,
  received_at text not null,
  causation_id text,
  body text not null,
  hash text not null
)
--
-- postgres
alter table events alter column sequence type bigint
--
create index events_by_subject on events (subject, sequence)
--
create index events_by_type on events (type, sequence)
--
-- sqlite
create trigger events_are_not_changed before update on events begin
  select raise(abort, 'events are append-only');
end
--
-- sqlite
create trigger events_are_not_deleted before delete on events begin
  select raise(abort, 'events are append-only');
end
--
-- postgres
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% are append-only', tg_table_name;
end $$
--
-- postgres
create trigger events_are_not_changed before update or delete or truncate on events
  for each statement execute function refuse_change()
