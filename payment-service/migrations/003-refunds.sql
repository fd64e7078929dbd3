-- What operators wanted given back, as JSON: for each request its amount, and whether it is due, done or refused. Null for nothing.
alter table payments add column refunds text
