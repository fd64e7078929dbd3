// Metrics of the orders that have not ended. If the oldest order of a status gets older and older, orders are stuck there.
import type { OwnGauges } from '@orders/shared/runtime'
import type { Reader } from '@orders/shared/storage'
import { countOpen } from './store.ts'

/** A higher count would take longer and say no more. */
const COUNTED_MAX = 10_000

export function openOrders(database: Reader, now: () => Date): OwnGauges {
  return {
    label: 'status',
    gauges: [
      { name: 'orders_open', help: `Orders that have not ended, by status; up to ${COUNTED_MAX} of each are counted.` },
      { name: 'orders_open_oldest_seconds', help: 'Time since the oldest of them was placed.' },
    ],
    async read() {
      const nowMs = now().getTime()
      const ageOf = (oldest: string | null) => (oldest === null ? 0 : Math.max(0, nowMs - Date.parse(oldest)) / 1_000)
      const open = await countOpen(database, COUNTED_MAX)
      return open.map(({ status, count, oldest }) => ({ label: status, values: [count, ageOf(oldest)] }))
    },
  }
}
