-- What is said later: a channel of a notification is held until `due_at`, for a reason. Notifications say whom they are
-- for, not before when and not after when.
alter table notifications add column customer_id text
--
alter table notifications add column send_at text
--
alter table notifications add column expires_at text
--
-- SQLite cannot change a check: the table is made anew.
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
  updated_at text not null,
  primary key (notification_id, channel)
)
--
-- sqlite
insert into deliveries_now (notification_id, channel, status, attempts, provider, provider_id, error, updated_at)
  select notification_id, channel, status, attempts, provider, provider_id, error, updated_at from deliveries
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
-- postgres
alter table deliveries add column due_at text, add column held_because text,
  drop constraint deliveries_status_check, add constraint deliveries_status_check
  check (status in ('held', 'waiting', 'sent', 'failed', 'expired', 'cancelled', 'opted_out', 'digested'))
--
-- What is due is found without reading anything else.
create index held_deliveries on deliveries (due_at) where status = 'held'
