-- Files that hold the bodies of old entries. Of an entry in one of them the database keeps the leaf's hash, and where it stood.
-- sqlite
create table archives (
  first integer primary key,
  last integer not null,
  file text not null,
  sha256 text not null,
  archived_at text not null,
  -- Bodies that were read back stay until then.
  back_until text
)
--
-- postgres
create table archives (
  first bigint primary key,
  last bigint not null,
  file text not null,
  sha256 text not null,
  archived_at text not null,
  back_until text
)
--
-- One row: the copy of the service that writes archives, and until when it may.
create table archive_lease (holder text primary key, held_until text not null)
--
insert into archive_lease (holder, held_until) values ('', '')
--
-- The bodies of a block may go, and come back, once an archive has them.
-- sqlite
drop trigger blocks_are_not_changed
--
-- sqlite
create trigger blocks_are_not_changed before update on blocks
  when new.first <> old.first or new.dictionary <> old.dictionary
    or not (
      (old.leaves = 0 and new.records = old.records)
      or (
        new.hashes = old.hashes and new.leaves = old.leaves and (length(new.records) = 0 or length(old.records) = 0)
        and exists (select 1 from archives where archives.first <= old.first and archives.last >= old.first)
      )
    ) begin
  select raise(abort, 'blocks are append-only');
end
--
-- postgres
drop trigger blocks_are_not_changed on blocks
--
-- postgres
create function refuse_other_blocks() returns trigger language plpgsql as $$
begin
  if new.first = old.first and new.dictionary = old.dictionary and (
    (old.leaves = 0 and new.records = old.records)
    or (
      new.hashes = old.hashes and new.leaves = old.leaves and (length(new.records) = 0 or length(old.records) = 0)
      and exists (select 1 from archives where archives.first <= old.first and archives.last >= old.first)
    )
  ) then
    return new;
  end if;
  raise exception '% are append-only', tg_table_name;
end $$
--
-- postgres
create trigger blocks_are_not_changed before update on blocks for each row execute function refuse_other_blocks()
