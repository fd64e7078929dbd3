-- sqlite
-- What services gave up on, each failure once, and what became of it.
create table failures (
  -- Of the queue, the message's properties and its bytes: what is delivered twice is one row.
  id text primary key,
  -- The first failure of the same message: those that came of sending it again have the same.
  root text not null,
  -- The failure that was sent again and came back as this one, and by which resend.
  sent_again_of text,
  after_resend text,
  queue text not null,
  -- The queue that gave it up; null for what no binding wanted.
  home text,
  exchange text not null,
  routing_key text not null,
  service text not null,
  version text not null,
  type text not null,
  subject text not null,
  message_id text not null,
  code text not null,
  reason text not null,
  stack text not null,
  -- Where in the code, and what tells causes apart: the same for the same code from the same place, of a queue and a type.
  place text not null,
  fingerprint text not null,
  attempts integer not null,
  history text not null,
  first_at text not null,
  failed_at text not null,
  kept_at text not null,
  body blob not null,
  -- As it came, where an operator has changed the body.
  original blob,
  revision integer not null,
  properties text not null,
  -- In lower case, for searches.
  words text not null,
  -- waiting, sending, sent_again, archived
  state text not null,
  -- The resend that has sent it again, or is about to.
  resend_id text
)
--
-- postgres
create table failures (
  id text primary key,
  root text not null,
  sent_again_of text,
  after_resend text,
  queue text not null,
  home text,
  exchange text not null,
  routing_key text not null,
  service text not null,
  version text not null,
  type text not null,
  subject text not null,
  message_id text not null,
  code text not null,
  reason text not null,
  stack text not null,
  place text not null,
  fingerprint text not null,
  attempts integer not null,
  history text not null,
  first_at text not null,
  failed_at text not null,
  kept_at text not null,
  body bytea not null,
  original bytea,
  revision integer not null,
  properties text not null,
  words text not null,
  state text not null,
  resend_id text
)
--
create index failures_by_time on failures (state, failed_at, id)
--
create index failures_by_cause on failures (state, fingerprint, failed_at, id)
--
create index failures_by_queue on failures (state, queue, failed_at, id)
--
create index failures_by_subject on failures (subject, failed_at, id)
--
create index failures_by_root on failures (root, failed_at)
--
create index failures_by_resend on failures (resend_id, state)
--
create index failures_after_resend on failures (after_resend)
--
-- Failures that are sent again together, in steps.
create table resends (
  id text primary key,
  -- running, stopped, done
  state text not null,
  why text,
  operator text not null,
  reason text not null,
  selection text not null,
  total integer not null,
  -- Those up to here are done with, and this step goes as far as there.
  position integer not null,
  step_end integer not null,
  step_size integer not null,
  -- How long is waited after a step for what fails again, and until when now.
  watch_ms integer not null,
  watch_until text,
  -- So many had failed again when an operator said to go on.
  tolerated integer not null,
  rate_per_second integer not null,
  created_at text not null,
  ended_at text,
  -- The copy of the service that sends them, for as long as it says so.
  owner text,
  owned_until text
)
--
create index resends_by_time on resends (created_at, id)
--
create index resends_running on resends (state)
--
create table resend_members (
  resend_id text not null,
  place integer not null,
  failure_id text not null,
  primary key (resend_id, place)
)
