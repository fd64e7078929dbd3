-- One row for each order whose parcel the carrier took, or refused.
create table shipments (
  order_id text primary key,
  status text not null,
  priority text not null,
  tracking_id text,
  carrier text,
  reason text,
  delivered_at text,
  -- Counts the changes, so that two copies of the service on PostgreSQL cannot overwrite each other's.
  version integer not null,
  created_at text not null,
  updated_at text not null
)
