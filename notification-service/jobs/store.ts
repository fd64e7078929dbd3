// The SQL of jobs: up to when each is known to have run, and what a summary tells.
import type { Sql } from '@orders/shared/storage'

type Reader = Pick<Sql, 'all' | 'get'>

/** Undefined for a job that nobody has known of. */
export async function lastTimeOf(sql: Reader, job: string): Promise<string | undefined> {
  const row = await sql.get<{ last: string | null }>(
    'select max(scheduled_at) as last from job_runs where job = ?',
    job,
  )
  return row?.last ?? undefined
}

export interface Run {
  job: string
  scheduledAt: string
  outcome: 'known' | 'ran' | 'skipped'
  at: string
}

export async function saveRun(tx: Sql, { job, scheduledAt, outcome, at }: Run): Promise<void> {
  await tx.run(
    'insert into job_runs (job, scheduled_at, outcome, at) values (?, ?, ?, ?)',
    job,
    scheduledAt,
    outcome,
    at,
  )
}

export interface Count {
  status: string
  channel: string
  count: number
}

/** How the deliveries stand of what was taken in since then; what nobody has tried yet is not among them. */
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
