-- By whose key a notification is encrypted, and its addresses by keyed hashes, by which what was said to an address is found.
alter table notifications add column owner_id text
--
alter table notifications add column email_index text
--
alter table notifications add column sms_index text
--
alter table notifications add column push_index text
--
alter table notifications add column webhook_index text
--
create index notifications_by_owner on notifications (owner_id, sequence) where owner_id is not null
--
create index notifications_by_email_index on notifications (email_index, sequence) where email_index is not null
--
create index notifications_by_sms_index on notifications (sms_index, sequence) where sms_index is not null
--
create index notifications_by_push_index on notifications (push_index, sequence) where push_index is not null
--
create index notifications_by_webhook_index on notifications (webhook_index, sequence) where webhook_index is not null
--
-- What is encrypted is found by its hash, so the indexes of what is not have that only.
drop index notifications_by_email
--
drop index notifications_by_sms
--
drop index notifications_by_push
--
drop index notifications_by_webhook
--
create index notifications_by_email on notifications (lower(email), sequence) where owner_id is null
--
create index notifications_by_sms on notifications (sms, sequence) where owner_id is null and sms is not null
--
create index notifications_by_push on notifications (push, sequence) where owner_id is null and push is not null
--
create index notifications_by_webhook on notifications (webhook, sequence) where owner_id is null and webhook is not null
