-- One row for each delivery: it also says which call to a provider is under way or open, and how long the one took that went well.
-- So a mail that goes well is written twice, claimed and sent, and nothing else is kept of its call; `attempts` has those that failed.
-- sqlite
create table deliveries_now (
  notification_id text not null,
  channel text not null,
  status text not null check (status in ('held', 'waiting', 'sent', 'failed', 'expired', 'cancelled', 'opted_out', 'digested')),
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
  primary key (notification_id, channel)
) without rowid
--
-- sqlite
insert into deliveries_now (notification_id, channel, status, attempts, provider, provider_id, error, due_at, held_because,
    digest_id, updated_at)
  select notification_id, channel, status, attempts, provider, provider_id, error, due_at, held_because, digest_id, updated_at
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
alter table deliveries add column duration_ms integer, add column call_provider text, add column call_at text,
  add column claimed_by text
--
insert into deliveries (notification_id, channel, status, attempts, call_provider, call_at, claimed_by, updated_at)
  select notification_id, channel, 'waiting', 0, provider, at, claimed_by, at from open_calls where true
  on conflict (notification_id, channel) do update set call_provider = excluded.call_provider,
    call_at = excluded.call_at, claimed_by = excluded.claimed_by
--
drop table open_calls
