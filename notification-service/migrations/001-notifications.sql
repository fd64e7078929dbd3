-- Who is told what: written once, never changed. The payload holds the addresses and the words.
create table notifications (
  sequence integer primary key,
  id text not null unique,
  subject text not null,
  order_id text,
  event_type text not null,
  category text not null,
  priority integer not null,
  channels integer not null,
  payload text not null,
  created_at text not null
)
--
-- postgres
alter table notifications alter column sequence type bigint, alter column sequence add generated always as identity
--
create index notifications_by_order on notifications (order_id, sequence)
--
-- Where each channel's part of a notification stands, from its first attempt on: without a row it waits. A mail that
-- goes well is then written once, which is half of what a row that is inserted and updated costs.
create table deliveries (
  notification_id text not null,
  channel text not null,
  status text not null check (status in ('waiting', 'sent', 'failed')),
  attempts integer not null,
  provider text,
  provider_id text,
  error text,
  updated_at text not null,
  primary key (notification_id, channel)
)
--
-- Few, and what an operator asks for; good news never touches it.
create index failed_deliveries on deliveries (notification_id) where status = 'failed'
--
-- Every call to a provider and what came of it, append-only.
create table attempts (
  sequence integer primary key,
  notification_id text not null,
  channel text not null,
  attempt integer not null,
  at text not null,
  provider text not null,
  outcome text not null check (outcome in ('sent', 'failed')),
  error text,
  duration_ms integer not null
)
--
-- postgres
alter table attempts alter column sequence type bigint, alter column sequence add generated always as identity
--
create index attempts_by_notification on attempts (notification_id)
--
-- sqlite
create trigger attempts_are_not_changed before update on attempts begin
  select raise(abort, 'attempts are append-only');
end
--
-- sqlite
create trigger attempts_are_not_deleted before delete on attempts begin
  select raise(abort, 'attempts are append-only');
end
--
-- postgres
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% are append-only', tg_table_name;
end $$
--
-- postgres
create trigger attempts_are_not_changed before update or delete or truncate on attempts
  for each statement execute function refuse_change()
--
create table idempotency_keys (
  idempotency_key text primary key,
  notification_id text not null,
  fingerprint text not null
)
