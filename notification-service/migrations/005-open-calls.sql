-- A call to a provider whose answer is not known: kept before the call is made, so that a killed process leaves it too.
create table open_calls (
  notification_id text not null,
  channel text not null,
  provider text not null,
  at text not null,
  primary key (notification_id, channel)
)
