-- What jobs by the wall clock did, and what they left out: each of their times once, whoever was there at that time.
create table job_runs (
  job text not null,
  scheduled_at text not null,
  outcome text not null check (outcome in ('known', 'ran', 'skipped')),
  at text not null,
  primary key (job, scheduled_at)
)
