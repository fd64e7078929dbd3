// The SQL of jobs: their runs, and the counts for the summary.
import type { Change, State } from '@orders/shared/messaging'
import { insert, type Reader, type Sql } from '@orders/shared/storage'

export interface Run {
  scheduledAt: string
  outcome: 'known' | 'ran' | 'skipped'
  at: string
}

/** A job's newest time, and the times to add. */
export interface Runs {
  last: string | undefined
  added: readonly Run[]
}

/** By the job's name. */
export const jobRuns: State<Runs> = { name: 'jobs', load, save }

async function load(sql: Reader, jobs: string[]): Promise<Map<string, Runs>> {
  const rows = await sql.all<{ job: string; last: string }>(
    'select job, max(scheduled_at) as last from job_runs where job in each(?) group by job',
    jobs,
  )
  return new Map(rows.map(({ job, last }) => [job, { last, added: [] }]))
}

async function save(tx: Sql, changes: Change<Runs>[]): Promise<void> {
  await insert(
    tx,
    'job_runs (job, scheduled_at, outcome, at)',
    changes.flatMap(({ key, before, after }) =>
      after.added
        .slice(before?.added.length ?? 0)
        .map(({ scheduledAt, outcome, at }) => [key, scheduledAt, outcome, at]),
    ),
  )
}

export interface Count {
  status: string
  channel: string
  count: number
}

/**
 * The number of deliveries by status, for notifications that were taken in since then. Untried ones have no row and are
 * not counted.
 */
export async function countsSince(sql: Reader, since: string): Promise<Count[]> {
  return sql.all<Count>(
    `select deliveries.status, deliveries.channel, count(*) as count
     from notifications join deliveries on deliveries.notification_id = notifications.id
     where notifications.sequence > coalesce(
       (select sequence from notifications where created_at < ? order by sequence desc limit 1), 0)
     group by deliveries.status, deliveries.channel order by deliveries.status, deliveries.channel`,
    since,
  )
}
