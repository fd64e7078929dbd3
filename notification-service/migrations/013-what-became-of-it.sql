-- Two more things that become of a delivery: `simulated`, where its channel has no provider, and `undelivered`, where a
-- provider took it and said later that it did not arrive. Which there are is said by the code alone from now on. A delivery
-- that an operator sends again is of the next generation, and one that waits for its turn knows when that is.
-- sqlite
create table deliveries_now (
  notification_id text not null,
  channel text not null,
  status text not null,
  attempts integer not null,
  provider text,
  provider_id text,
  error text,
  due_at text,
  held_because text,
  digest_id text,
  duration_ms integer,
  call_provider text,
  call_at text,
  claimed_by text,
  updated_at text not null,
  generation integer not null default 1,
  turn_ms double precision,
  primary key (notification_id, channel)
) without rowid
--
-- sqlite
insert into deliveries_now (notification_id, channel, status, attempts, provider, provider_id, error, due_at, held_because,
    digest_id, duration_ms, call_provider, call_at, claimed_by, updated_at)
  select notification_id, channel, status, attempts, provider, provider_id, error, due_at, held_because, digest_id,
    duration_ms, call_provider, call_at, claimed_by, updated_at
  from deliveries
--
-- sqlite
drop table deliveries
--
-- sqlite
alter table deliveries_now rename to deliveries
--
-- sqlite
create index failed_deliveries on deliveries (notification_id) where status = 'failed'
--
-- sqlite
create index held_deliveries on deliveries (due_at) where status = 'held'
--
-- sqlite
create index gathered_deliveries on deliveries (digest_id) where status = 'held'
--
-- postgres
alter table deliveries drop constraint deliveries_status_check, add column generation integer not null default 1,
  add column turn_ms double precision
--
create index undelivered_deliveries on deliveries (notification_id) where status = 'undelivered'
--
-- The first turn that no message of a channel has yet, where only so many may go in a second.
create table paces (
  channel text primary key,
  next_ms double precision not null
)
--
-- By the word of these providers no address is suppressed until an operator releases them.
create table suppression_stops (
  provider text primary key,
  answered integer not null,
  gone integer not null,
  stopped_at text not null,
  released_at text
)
--
-- What is told of a message that was sent again is told of that sending.
create table reports_now (
  notification_id text not null,
  channel text not null,
  status text not null,
  provider_id text not null,
  error text,
  at text not null,
  generation integer not null default 1,
  primary key (notification_id, channel, status, generation)
)
--
insert into reports_now (notification_id, channel, status, provider_id, error, at)
  select notification_id, channel, status, provider_id, error, at from reports
--
drop table reports
--
alter table reports_now rename to reports
--
-- Which addresses a customer's orders named in the last hour, and which orders named an address, by their hashes.
create table contacts (
  name text primary key,
  named text not null
)
