-- How far each table was gone through for rows whose time is over: by one copy of the service at a time, from where another stopped.
create table sweeps (
  name text primary key,
  -- The copy that goes through it, and until when it may.
  holder text not null,
  held_until text not null,
  begun_at text not null,
  -- Null while it is gone through.
  ended_at text,
  -- The key that was looked at last.
  position text not null,
  removed bigint not null,
  -- When the oldest row that stays was touched last.
  oldest text
)
