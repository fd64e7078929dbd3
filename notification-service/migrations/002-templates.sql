-- The template files of every version that notifications were made with: a notification keeps its data and the version,
-- and says the same for ever. One row for each change of the templates.
create table templates (
  version text primary key,
  files text not null,
  first_used_at text not null
)
