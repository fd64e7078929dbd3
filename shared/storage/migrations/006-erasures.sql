-- Who is forgotten here and has yet to be said to be: their keys are dropped, and may still stand in the files.
create table erasures (
  owner_id text not null,
  request text not null,
  primary key (owner_id, request)
)
