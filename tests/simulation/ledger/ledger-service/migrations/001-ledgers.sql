-- The numbers of an account's moves as they were decided, one after the other.
create table ledgers (
  account text primary key,
  moves text not null,
  cents integer not null
)
--
create table visits (
  account text primary key,
  count integer not null
)
