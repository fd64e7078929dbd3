-- How far each sequence has come of each of its keys: the position that had its turn last.
create table turns (
  id text primary key,
  position bigint not null
)
--
-- What has been handled by a handler that runs once for each message.
create table handled (
  id text primary key,
  at text not null
)
--
-- Whoever has its turn releases what waits for that, without reading what waits for its time.
create index retries_waiting on retries (waits_for) where waits_for is not null
