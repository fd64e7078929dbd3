// The SQL of the reports of the services' copies: the latest of each copy, for a day.
import type { ServiceState, State } from '@orders/shared/messaging'
import { insert, type Reader } from '@orders/shared/storage'

export interface Copy {
  copy: string
  service: string
  /** By the clock of audit-service, RFC 3339. */
  seenAt: string
  state: ServiceState
}

const FORGOTTEN_AFTER_MS = 86_400_000

/** The key is the copy's name. `load` returns nothing: a report replaces the previous one unread. */
export const copies: State<Copy> = {
  name: 'copies',
  load: async () => new Map(),
  async save(tx, changes) {
    const newest = Math.max(...changes.map(({ after }) => Date.parse(after.seenAt)))
    await Promise.all([
      insert(
        tx,
        'copies (copy, service, seen_at, state)',
        changes.map(({ after: { copy, service, seenAt, state } }) => [copy, service, seenAt, JSON.stringify(state)]),
        'on conflict (copy) do update set service = excluded.service, seen_at = excluded.seen_at, state = excluded.state',
      ),
      tx.run('delete from copies where seen_at < ?', new Date(newest - FORGOTTEN_AFTER_MS).toISOString()),
    ])
  },
}

interface CopyRow {
  copy: string
  service: string
  seen_at: string
  state: string
}

/** The reports of the last day, sorted by the start of the copy. */
export async function listCopies(sql: Reader): Promise<Copy[]> {
  const rows = await sql.all<CopyRow>('select copy, service, seen_at, state from copies')
  const all = rows.map(({ copy, service, seen_at: seenAt, state }): Copy => {
    // The cast is safe: `save` wrote the row.
    return { copy, service, seenAt, state: JSON.parse(state) as ServiceState }
  })
  return all.sort((one, other) => (one.state.startedAt < other.state.startedAt ? -1 : 1))
}
