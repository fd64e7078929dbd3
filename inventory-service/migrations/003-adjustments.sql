-- Which change of the stock an Idempotency-Key stands for, so that a repeat changes nothing.
create table adjustments (
  idempotency_key text primary key,
  sku text not null,
  difference bigint not null,
  reason text not null
)
