-- The orders that wait for another service, of which only so many are taken: counted without reading all orders.
create index orders_waiting on orders (order_id) where status in ('created', 'reserved', 'paid')
