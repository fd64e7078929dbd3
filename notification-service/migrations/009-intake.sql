-- What was said to whom is asked for by address: addresses stand in columns of their own, and no longer in the payload.
alter table notifications add column email text
--
alter table notifications add column sms text
--
alter table notifications add column push text
--
alter table notifications add column webhook text
--
-- sqlite
update notifications set
  email = json_extract(payload, '$.addresses.email'), sms = json_extract(payload, '$.addresses.sms'),
  push = json_extract(payload, '$.addresses.push'), webhook = json_extract(payload, '$.addresses.webhook')
--
-- postgres
update notifications set
  email = payload::json #>> '{addresses,email}', sms = payload::json #>> '{addresses,sms}',
  push = payload::json #>> '{addresses,push}', webhook = payload::json #>> '{addresses,webhook}'
  where position('\u0000' in payload) = 0
--
create index notifications_by_email on notifications (lower(email), sequence)
--
create index notifications_by_sms on notifications (sms, sequence) where sms is not null
--
create index notifications_by_push on notifications (push, sequence) where push is not null
--
create index notifications_by_webhook on notifications (webhook, sequence) where webhook is not null
--
alter table attempts add column provider_id text
--
-- The addresses known for a customer, as an operator or a shop's own system put them here.
create table customers (
  id text primary key,
  addresses text not null,
  locale text,
  time_zone text,
  updated_at text not null
)
