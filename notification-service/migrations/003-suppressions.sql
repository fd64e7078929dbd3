-- Addresses that are told nothing more: a mailbox that does not exist, an endpoint that has gone. One that an operator
-- removes may be told again.
create table suppressions (
  channel text not null,
  address text not null,
  reason text not null,
  notification_id text,
  at text not null,
  primary key (channel, address)
)
--
create index suppressions_by_time on suppressions (at)
