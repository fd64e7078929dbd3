-- That the price has changed is an outcome, too.
-- sqlite
create table reservations_now (
  order_id text primary key,
  outcome text check (outcome in ('reserved', 'out_of_stock', 'price_changed')),
  lines text not null,
  facts text not null,
  updated_at text not null,
  returns text
)
--
-- sqlite
insert into reservations_now (order_id, outcome, lines, facts, updated_at, returns)
  select order_id, outcome, lines, facts, updated_at, returns from reservations
--
-- sqlite
drop table reservations
--
-- sqlite
alter table reservations_now rename to reservations
--
-- postgres
alter table reservations drop constraint reservations_outcome_check,
  add constraint reservations_outcome_check check (outcome in ('reserved', 'out_of_stock', 'price_changed'))
