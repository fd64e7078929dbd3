-- The lives of this database: a new one, or one that was put back from a copy, begins another. So whoever keeps what was published can
-- tell whether the database still knows all of it.
create table epochs (
  epoch text primary key,
  -- The number of the last message recorded in it; null in the one that goes on.
  last bigint
)
