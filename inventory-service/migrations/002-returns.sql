-- Goods of refunds that came back, as JSON: for each request its lines. Null for none.
alter table reservations add column returns text
