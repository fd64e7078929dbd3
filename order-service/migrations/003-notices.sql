-- What became of what the customer was told: one row for each channel of a notification about an order.
create table notices (
  notification_id text not null,
  channel text not null,
  order_id text not null,
  status text not null,
  reason text,
  at text not null,
  primary key (notification_id, channel)
)
--
create index notices_by_order on notices (order_id)
