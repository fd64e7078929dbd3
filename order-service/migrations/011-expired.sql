-- Facts of an order whose time is over may be removed; the fact that it has expired stays.
-- sqlite
drop trigger facts_are_not_deleted
--
-- sqlite
create trigger facts_are_not_deleted before delete on facts
  when old.type = 'order.expired'
    or not exists (select 1 from facts where order_id = old.order_id and type = 'order.expired') begin
  select raise(abort, 'facts are append-only');
end
--
-- postgres
drop trigger facts_are_not_changed on facts
--
-- postgres
create trigger facts_are_not_changed before update or truncate on facts
  for each statement execute function refuse_change()
--
-- postgres
create function refuse_unexpired() returns trigger language plpgsql as $$
begin
  if old.type <> 'order.expired'
    and exists (select 1 from facts where order_id = old.order_id and type = 'order.expired') then
    return old;
  end if;
  raise exception '% are append-only', tg_table_name;
end $$
--
-- postgres
create trigger facts_are_not_deleted before delete on facts for each row execute function refuse_unexpired()
