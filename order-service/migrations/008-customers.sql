-- What this service keeps to itself: the key from which customers get their pseudonyms.
create table secrets (
  name text primary key,
  value text not null
)
--
-- The customer's pseudonym, by which a customer's orders are found. Null until it is filled in: in orders of an earlier version.
alter table orders add column customer_id text
--
create index orders_by_customer on orders (customer_id, created_at, order_id) where customer_id is not null
--
create index orders_without_customer on orders (order_id) where customer_id is null
