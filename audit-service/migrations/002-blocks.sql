-- The log in blocks: what one commit appends is packed together, and each thing that a search needs stands once, narrow, beside
-- it. What the table `events` holds is moved by the service when it starts, a batch at a time.
drop index events_by_subject
--
drop index events_by_type
--
alter table events rename to events_before_blocks
--
-- A block's entries follow each other from `first` on. `hashes` holds 32 bytes for each of them; `records` what is packed,
-- with the dictionary of that number. The primary key keeps two copies of the service from continuing the same entry.
-- sqlite
create table blocks (
  first integer primary key,
  dictionary integer not null,
  hashes blob not null,
  records blob not null
)
--
-- postgres
create table blocks (
  first bigint primary key,
  dictionary integer not null,
  hashes bytea not null,
  records bytea not null
)
--
-- What is packed already is not worth a second attempt.
-- postgres
alter table blocks alter column hashes set storage external, alter column records set storage external
--
-- sqlite
create table dictionaries (number integer primary key, bytes blob not null)
--
-- postgres
create table dictionaries (number integer primary key, bytes bytea not null)
--
-- The number of a subject, and that of a type from a source, is the sequence of the first entry that has it: so what is
-- added goes to the end of a table, whatever the orders' own ids are.
create table subjects (number integer primary key, subject text not null unique)
--
create table kinds (number integer primary key, type text not null, source text not null, unique (type, source))
--
-- postgres
alter table subjects alter column number type bigint
--
-- postgres
alter table kinds alter column number type bigint
--
-- Where to look. Under a key made of the subject's number and some bits of the event's id: the event, to be found by its id or
-- with all those of its order. Under the number of a kind, below zero: the first entry of each block that has one of them.
-- sqlite
create table places (key integer, sequence integer, primary key (key, sequence)) without rowid
--
-- postgres
create table places (key bigint, sequence bigint, primary key (key, sequence))
--
-- sqlite
create trigger blocks_are_not_changed before update on blocks begin
  select raise(abort, 'blocks are append-only');
end
--
-- sqlite
create trigger blocks_are_not_deleted before delete on blocks begin
  select raise(abort, 'blocks are append-only');
end
--
-- postgres
create trigger blocks_are_not_changed before update or delete or truncate on blocks
  for each statement execute function refuse_change()
--
-- sqlite
create trigger dictionaries_are_not_changed before update on dictionaries begin
  select raise(abort, 'dictionaries are append-only');
end
--
-- sqlite
create trigger dictionaries_are_not_deleted before delete on dictionaries begin
  select raise(abort, 'dictionaries are append-only');
end
--
-- postgres
create trigger dictionaries_are_not_changed before update or delete or truncate on dictionaries
  for each statement execute function refuse_change()
--
-- sqlite
create trigger subjects_are_not_changed before update on subjects begin
  select raise(abort, 'subjects are append-only');
end
--
-- sqlite
create trigger subjects_are_not_deleted before delete on subjects begin
  select raise(abort, 'subjects are append-only');
end
--
-- postgres
create trigger subjects_are_not_changed before update or delete or truncate on subjects
  for each statement execute function refuse_change()
--
-- sqlite
create trigger kinds_are_not_changed before update on kinds begin
  select raise(abort, 'kinds are append-only');
end
--
-- sqlite
create trigger kinds_are_not_deleted before delete on kinds begin
  select raise(abort, 'kinds are append-only');
end
--
-- postgres
create trigger kinds_are_not_changed before update or delete or truncate on kinds
  for each statement execute function refuse_change()
--
-- sqlite
create trigger places_are_not_changed before update on places begin
  select raise(abort, 'places are append-only');
end
--
-- sqlite
create trigger places_are_not_deleted before delete on places begin
  select raise(abort, 'places are append-only');
end
--
-- postgres
create trigger places_are_not_changed before update or delete or truncate on places
  for each statement execute function refuse_change()
