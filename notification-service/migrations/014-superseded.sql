-- What later news has made needless says which news that was.
alter table deliveries add column superseded_by text
--
-- What is gathered is gathered by the address, whoever of its customers it is for; what waits for a digest goes by itself.
delete from open_digests
--
-- What code has made of stored data that SQL could not, once.
create table upgrades (
  name text primary key,
  at text not null
)
