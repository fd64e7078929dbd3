-- What each copy of each service said of itself last.
create table copies (
  copy text primary key,
  service text not null,
  seen_at text not null,
  state text not null
)
