-- When a row was touched last, by which it is removed once nobody needs it; null in rows of an earlier version.
alter table throttles add column touched_at text
--
alter table contacts add column touched_at text
--
-- Attempts go with their delivery, after it.
-- sqlite
drop trigger attempts_are_not_deleted
--
-- sqlite
create trigger attempts_are_not_deleted before delete on attempts
  when exists (select 1 from deliveries where notification_id = old.notification_id) begin
  select raise(abort, 'attempts are append-only');
end
--
-- postgres
drop trigger attempts_are_not_changed on attempts
--
-- postgres
create trigger attempts_are_not_changed before update or truncate on attempts
  for each statement execute function refuse_change()
--
-- postgres
create function refuse_while_delivered() returns trigger language plpgsql as $$
begin
  if exists (select 1 from deliveries where notification_id = old.notification_id) then
    raise exception '% are append-only', tg_table_name;
  end if;
  return old;
end $$
--
-- postgres
create trigger attempts_are_not_deleted before delete on attempts
  for each row execute function refuse_while_delivered()
