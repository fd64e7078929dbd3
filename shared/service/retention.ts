// What follows from a service's retention times: the oldest message it accepts, whom it asks before removal, and its metrics.
import { ask, type Broker, operationsOf } from '../messaging/index.ts'
import { sweepsOf } from '../retention/store.ts'
import { daysOf, type Tables } from '../retention/tables.ts'
import type { CommonConfig } from '../runtime/config.ts'
import type { Reader } from '../storage/index.ts'
import type { OwnGauges } from './metrics.ts'

/** Clocks of two hosts differ by less. */
const MARGIN_DAYS = 1

/**
 * The maximum age of a message. After its rows are removed, a repeat would be handled as new. A row is kept for `KEEP_DAYS`
 * after its last change, so a repeat of a younger message is recognised. An older message is refused. Undefined if nothing is
 * removed.
 */
export function oldestDays(tables: Tables, { keepDays }: Pick<CommonConfig, 'keepDays'>): number | undefined {
  const removes = Object.values(tables).some(({ kept }) => 'days' in kept && kept.days === 'keepDays')
  const days = daysOf(keepDays)
  return removes && days !== undefined ? days - MARGIN_DAYS : undefined
}

const ANSWER_MS = 10_000

/** @throws RejectedError when that service does not answer: then nothing is removed */
export const removedBy = (broker: Broker) => async (service: string, subjects: readonly string[]) =>
  (await ask(broker, operationsOf(service).removed, { subjects: [...subjects] }, ANSWER_MS)).subjects

export function retentionGauges(database: Reader, tables: Tables, now: () => Date): OwnGauges {
  return {
    label: 'table',
    gauges: [
      { name: 'retention_removed_rows', help: 'Expired rows that the last run removed.' },
      { name: 'retention_oldest_seconds', help: 'Time since the oldest remaining row was last changed.' },
      { name: 'retention_run_seconds', help: 'Time since the last complete removal run.' },
    ],
    async read() {
      const ended = (await sweepsOf(database)).filter(({ name }) => name in tables)
      const ago = (at: string | null) => (at === null ? 0 : Math.max(0, (now().getTime() - Date.parse(at)) / 1_000))
      return ended.map(({ name: label, removed, oldest, endedAt, begunAt }) => ({
        label,
        values: [removed, ago(oldest), ago(endedAt ?? begunAt)],
      }))
    },
  }
}
