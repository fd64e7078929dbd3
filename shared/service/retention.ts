// What follows for a service from how long it keeps its tables: which messages are too old for it, whom it asks, and what it shows.
import { ask, type Broker, operationsOf } from '../messaging/index.ts'
import { sweepsOf } from '../retention/store.ts'
import { daysOf, type Tables } from '../retention/tables.ts'
import type { CommonConfig } from '../runtime/config.ts'
import type { Reader } from '../storage/index.ts'
import type { OwnGauges } from './metrics.ts'

/** Clocks of two hosts may differ by less. */
const MARGIN_DAYS = 1

/**
 * What is removed is not known any more, so a repeat would be handled as new. A row is kept for `KEEP_DAYS` after it was touched
 * last; every message about it that is not older is known, and what is older is refused. Undefined where nothing is removed.
 */
export function oldestDays(tables: Tables, { keepDays }: Pick<CommonConfig, 'keepDays'>): number | undefined {
  const removes = Object.values(tables).some(({ kept }) => 'days' in kept && kept.days === 'keepDays')
  const days = daysOf(keepDays)
  return removes && days !== undefined ? days - MARGIN_DAYS : undefined
}

const ANSWER_MS = 10_000

/** @throws RejectedError when that service does not answer: then nothing is removed. */
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
