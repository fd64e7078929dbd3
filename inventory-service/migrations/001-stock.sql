create table stock (
  sku text primary key,
  name text not null,
  unit_price_cents bigint not null check (unit_price_cents >= 0),
  available bigint not null check (available >= 0),
  reserved bigint not null default 0 check (reserved >= 0),
  committed bigint not null default 0 check (committed >= 0),
  restocks bigint not null default 0
)
--
-- One row for each order: what was decided about its goods, and what else is known of it. A row without an outcome is
-- a tombstone: something arrived before the order did.
create table reservations (
  order_id text primary key,
  outcome text check (outcome in ('reserved', 'out_of_stock')),
  lines text not null,
  facts text not null,
  updated_at text not null
)
