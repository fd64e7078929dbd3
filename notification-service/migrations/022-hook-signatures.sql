-- What a provider signed for one use, and has been used: by its signature, in hex.
create table hook_signatures (
  signature text primary key,
  touched_at text not null
)
