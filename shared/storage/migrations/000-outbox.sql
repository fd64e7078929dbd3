-- sqlite
-- Messages decided but not yet known to be at the broker: written with the decision, deleted after the confirm.
-- Without `autoincrement` SQLite gives the number of a deleted row again, and a copy of the service that still means the
-- old row would delete the new one, unpublished.
create table outbox (
  sequence integer primary key autoincrement,
  exchange text not null,
  routing_key text not null,
  body text not null,
  properties text not null,
  -- The copy of the service that publishes the row: the one that recorded it, or one that found it left behind.
  claimed_by text not null,
  claimed_at text not null
)
--
-- postgres
create table outbox (
  sequence bigint generated always as identity primary key,
  exchange text not null,
  routing_key text not null,
  body text not null,
  properties text not null,
  claimed_by text not null,
  claimed_at text not null
)
