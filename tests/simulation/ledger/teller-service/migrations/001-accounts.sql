-- How many moves of each account were said.
create table accounts (
  account text primary key,
  said integer not null
)
