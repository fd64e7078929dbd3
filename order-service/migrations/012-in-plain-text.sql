-- What was stored before encryption was switched on is encrypted once, in place, and nothing else of a fact ever changes. Until then
-- `personal` is null, or JSON.
-- sqlite
drop trigger facts_are_not_changed
--
-- sqlite
create trigger facts_are_not_changed before update on facts
  when old.type <> 'order.created' or substr(old.personal, 1, 1) <> '{' or new.personal is null or substr(new.personal, 1, 1) = '{'
    or new.sequence <> old.sequence or new.order_id <> old.order_id or new.type <> old.type or new.at <> old.at begin
  select raise(abort, 'facts are append-only');
end
--
-- postgres
drop trigger facts_are_not_changed on facts
--
-- postgres
create trigger facts_are_not_changed before update on facts for each row
  when (old.type <> 'order.created' or substr(old.personal, 1, 1) <> '{' or new.personal is null or substr(new.personal, 1, 1) = '{'
    or new.sequence <> old.sequence or new.order_id <> old.order_id or new.type <> old.type or new.at <> old.at)
  execute function refuse_change()
--
-- postgres
create trigger facts_are_not_truncated before truncate on facts
  for each statement execute function refuse_change()
--
-- Those that are left to do.
create index facts_in_plain_text on facts (order_id) where type = 'order.created' and (personal is null or substr(personal, 1, 1) = '{')
--
-- The keys of a customer's orders go when they are forgotten.
create index idempotency_keys_by_order on idempotency_keys (order_id)
