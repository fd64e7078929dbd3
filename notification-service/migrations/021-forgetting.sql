-- What somebody asked for directly is found by whom it names, so that it is forgotten with them.
create index notifications_by_customer on notifications (customer_id, sequence) where owner_id is null and customer_id is not null
--
create index idempotency_keys_by_notification on idempotency_keys (notification_id)
--
-- What a provider said of an attempt may name the address: it may be emptied, and nothing else of an attempt ever changes.
-- sqlite
drop trigger attempts_are_not_changed
--
-- sqlite
create trigger attempts_are_not_changed before update on attempts
  when new.error is not '' or new.sequence <> old.sequence or new.notification_id <> old.notification_id
    or new.channel <> old.channel or new.attempt <> old.attempt or new.at <> old.at or new.provider <> old.provider
    or new.provider_id is not old.provider_id or new.outcome <> old.outcome or new.duration_ms <> old.duration_ms begin
  select raise(abort, 'attempts are append-only');
end
--
-- postgres
drop trigger attempts_are_not_changed on attempts
--
-- postgres
create trigger attempts_are_not_changed before update on attempts for each row
  when (new.error is distinct from '' or new.sequence <> old.sequence or new.notification_id <> old.notification_id
    or new.channel <> old.channel or new.attempt <> old.attempt or new.at <> old.at or new.provider <> old.provider
    or new.provider_id is distinct from old.provider_id or new.outcome <> old.outcome or new.duration_ms <> old.duration_ms)
  execute function refuse_change()
--
-- postgres
create trigger attempts_are_not_truncated before truncate on attempts
  for each statement execute function refuse_change()
