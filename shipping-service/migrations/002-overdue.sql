-- What is on the road, by when it was handed over: to find those whose timer did not come back.
create index shipments_on_the_road on shipments (created_at) where status = 'prepared'
