-- Orders of one status are listed without reading the others, and those that wait are counted. Narrow, since most orders end
-- completed: of those every page of the newest has some.
create index orders_by_status on orders (status, created_at, order_id) where status <> 'completed'
--
drop index orders_waiting
