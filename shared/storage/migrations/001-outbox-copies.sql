-- When a copy of the service that has rows waiting was last alive: its rows are nobody else's meanwhile.
create table outbox_copies (
  copy text primary key,
  seen_at text not null
)
