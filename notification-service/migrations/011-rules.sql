-- What customers decide for themselves, by the customer's id or an address's digest; what is not said is not decided.
create table preferences (
  recipient text primary key,
  preferences text not null,
  updated_at text not null
)
--
-- What an address was told lately, and when it is to be told more: see rules/throttle.ts. By the address's digest.
create table throttles (
  recipient text primary key,
  sent text not null,
  places text not null
)
--
-- Digests whose window is open: what comes meanwhile joins. Who closes one removes its row.
create table open_digests (
  recipient text not null,
  channel text not null,
  address text not null,
  category text not null,
  digest_id text not null unique,
  due_at text not null,
  primary key (recipient, channel, address, category)
)
--
alter table deliveries add column digest_id text
--
create index gathered_deliveries on deliveries (digest_id) where status = 'held'
