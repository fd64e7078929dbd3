-- What orders still wait for, followed along the log. One row tells how far it was followed.
-- sqlite
create table followed (log text primary key, sequence integer not null) without rowid
--
-- postgres
create table followed (log text primary key, sequence bigint not null)
--
insert into followed (log, sequence) values ('blocks', 0)
--
-- Of each subject that still waits, by its number: of its events what the rules read, and when to look at it again.
-- sqlite
create table unfinished (
  subject integer primary key,
  order_id text not null,
  events text not null,
  look_at text
)
--
-- postgres
create table unfinished (
  subject bigint primary key,
  order_id text not null,
  events text not null,
  look_at text
)
--
create index unfinished_by_time on unfinished (look_at) where look_at is not null
--
-- What should have followed and has not. `hop` is what goes before and what is missing, without the order's own details.
-- sqlite
create table gaps (
  subject integer not null,
  missing text not null,
  hop text not null,
  overdue_at text not null,
  gap text not null,
  primary key (subject, missing)
) without rowid
--
-- postgres
create table gaps (
  subject bigint not null,
  missing text not null,
  hop text not null,
  overdue_at text not null,
  gap text not null,
  primary key (subject, missing)
)
--
create index gaps_by_hop on gaps (hop, overdue_at)
--
create index gaps_by_time on gaps (overdue_at, subject, missing)
