-- What a provider tells of a message after it took it: each step once, however often it is told.
create table reports (
  notification_id text not null,
  channel text not null,
  status text not null,
  provider_id text not null,
  error text,
  at text not null,
  primary key (notification_id, channel, status)
)
