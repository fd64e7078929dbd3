-- Customers who are to be forgotten, and the services that have done so: as JSON, their names.
create table forgettings (
  customer_id text primary key,
  request text not null,
  requested_at text not null,
  services text not null,
  completed_at text
)
