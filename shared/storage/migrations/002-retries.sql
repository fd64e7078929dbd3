-- sqlite
-- Deliveries that are to be handled at a later time: those that failed, and what the service owes the outside world.
create table retries (
  -- Of the queue, the message's id and its bytes: what is kept twice is one row.
  id text primary key,
  queue text not null,
  type text not null,
  subject text not null,
  exchange text not null,
  routing_key text not null,
  body blob not null,
  properties text not null,
  -- Attempts that were begun; counted before each, so that one which kills the process is given up as well.
  attempts integer not null,
  -- The next attempt is not made before; while one is being made, when it is to be made again should nobody hear of it.
  due_at text not null,
  -- Then it is given up.
  ends_at text,
  -- The dataschema that a successor of this version has to know.
  waits_for text,
  code text not null,
  why text not null,
  is_outside integer not null,
  history text not null,
  kept_at text not null
)
--
-- postgres
create table retries (
  id text primary key,
  queue text not null,
  type text not null,
  subject text not null,
  exchange text not null,
  routing_key text not null,
  body bytea not null,
  properties text not null,
  attempts integer not null,
  due_at text not null,
  ends_at text,
  waits_for text,
  code text not null,
  why text not null,
  is_outside integer not null,
  history text not null,
  kept_at text not null
)
--
create index retries_due on retries (due_at)
