// audit-service's SQL for what the copies of the services say of themselves: of each the newest, for a day.
import type { ServiceState, State } from '@orders/shared/messaging'
import { insert, type Reader } from '@orders/shared/storage'

export interface Copy {
  copy: string
  service: string
  /** By our clock, RFC 3339. */
  seenAt: string
  state: ServiceState
}

const FORGOTTEN_AFTER_MS = 86_400_000

/** By the copy's name; what was said before is not asked for. */
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

/** Those of the last day, in the order in which they began. */
export async function listCopies(sql: Reader): Promise<Copy[]> {
  const rows = await sql.all<CopyRow>('select copy, service, seen_at, state from copies')
  const all = rows.map(({ copy, service, seen_at: seenAt, state }): Copy => {
    // The cast is the decoding edge: the row was written by `save`.
    return { copy, service, seenAt, state: JSON.parse(state) as ServiceState }
  })
  return all.sort((one, other) => (one.state.startedAt < other.state.startedAt ? -1 : 1))
}
