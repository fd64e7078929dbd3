// The SQL of held deliveries: which of them are due.
import type { Reader } from '@orders/shared/storage'

/** Notifications with a due channel, the longest overdue first. */
export async function dueAt(sql: Reader, now: string, limit: number): Promise<string[]> {
  const rows = await sql.all<{ id: string }>(
    `select notification_id as id, min(due_at) as first_due_at from deliveries
     where status = 'held' and due_at <= ? group by notification_id order by first_due_at limit ?`,
    now,
    limit,
  )
  return rows.map(({ id }) => id)
}
