-- One row for each order: the decision, or what is known before it.
create table payments (
  order_id text primary key,
  status text not null,
  total_cents bigint,
  charge_id text,
  refund_id text,
  reason text,
  shipping_failure text,
  confirm_before text,
  -- The data of inventory.reserved, only until the decision: payment.success repeats it, later messages do not need it.
  reservation text,
  -- Counts the changes, so that two copies of the service on PostgreSQL cannot overwrite each other's.
  version integer not null,
  created_at text not null,
  updated_at text not null
)
