-- What is known of each order, append-only: one row for each fact, in the order in which they were learnt.
create table facts (
  sequence integer primary key,
  order_id text not null,
  type text not null,
  at text not null,
  data text not null,
  unique (order_id, type)
)
--
-- postgres
alter table facts alter column sequence type bigint, alter column sequence add generated always as identity
--
-- sqlite
create trigger facts_are_not_changed before update on facts begin
  select raise(abort, 'facts are append-only');
end
--
-- sqlite
create trigger facts_are_not_deleted before delete on facts begin
  select raise(abort, 'facts are append-only');
end
--
-- postgres
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% are append-only', tg_table_name;
end $$
--
-- postgres
create trigger facts_are_not_changed before update or delete or truncate on facts
  for each statement execute function refuse_change()
--
-- Derived from the facts; may be emptied and rebuilt at any time.
create table orders (
  order_id text primary key,
  user_name text not null,
  status text not null,
  reason text,
  total_cents bigint,
  created_at text not null,
  updated_at text not null
)
--
create index orders_by_age on orders (created_at, order_id)
--
create table idempotency_keys (
  idempotency_key text primary key,
  order_id text not null
)
