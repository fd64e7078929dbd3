// The SQL of providers by whose word no address is suppressed for now, since they called too many gone.
import type { Change, State } from '@orders/shared/messaging'
import type { OwnGauges } from '@orders/shared/runtime'
import { insert, type Reader, type Sql } from '@orders/shared/storage'

export interface SuppressionStop {
  provider: string
  /** In the hour before it. */
  answered: number
  gone: number
  stoppedAt: string
  releasedAt: string | null
}

/** By the provider. */
export const suppressionStops: State<SuppressionStop> = { name: 'suppression stops', load, save }

const STOP = 'provider, answered, gone, stopped_at as "stoppedAt", released_at as "releasedAt"'

async function load(sql: Reader, providers: string[]): Promise<Map<string, SuppressionStop>> {
  const rows = await sql.all<SuppressionStop>(
    `select ${STOP} from suppression_stops where provider in each(?)`,
    providers,
  )
  return new Map(rows.map((row) => [row.provider, row]))
}

async function save(tx: Sql, changes: Change<SuppressionStop>[]): Promise<void> {
  await insert(
    tx,
    'suppression_stops (provider, answered, gone, stopped_at, released_at)',
    changes.map(({ after }) => [after.provider, after.answered, after.gone, after.stoppedAt, after.releasedAt]),
    `on conflict (provider) do update set answered = excluded.answered, gone = excluded.gone,
       stopped_at = excluded.stopped_at, released_at = excluded.released_at`,
  )
}

/** A provider has one row, so they are few. */
export async function listStops(sql: Reader): Promise<SuppressionStop[]> {
  return sql.all<SuppressionStop>(`select ${STOP} from suppression_stops order by provider`)
}

export function stopGauge(sql: Reader): OwnGauges {
  return {
    label: 'provider',
    gauges: [{ name: 'suppression_stopped', help: '1 while no address is suppressed by the word of this provider.' }],
    read: async () =>
      (await listStops(sql)).map(({ provider, releasedAt }) => ({
        label: provider,
        values: [releasedAt === null ? 1 : 0],
      })),
  }
}
