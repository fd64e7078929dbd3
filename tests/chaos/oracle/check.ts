// What a check of the oracle is: a pure function from the snapshot to what it looked at and what was wrong.
import type { Snapshot } from './snapshot.ts'

export interface Finding {
  /** What must hold, as the verdict table says it. */
  promise: string
  /** How many things were looked at; a check of nothing is no check. */
  checked: number
  /** Each names the thing by its id. */
  violations: string[]
  note?: string
}

export type Check = (snapshot: Snapshot) => Finding

export function groupBy<T>(rows: readonly T[], keyOf: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const row of rows) {
    const key = keyOf(row)
    const group = groups.get(key)
    if (group) group.push(row)
    else groups.set(key, [row])
  }
  return groups
}

/** The keys that occur more than once, with how often. */
export function repeated(keys: readonly string[]): string[] {
  return [...groupBy(keys, (key) => key)].flatMap(([key, same]) =>
    same.length > 1 ? [`${key} ${same.length} times`] : [],
  )
}

/** The orders that the load was told are taken, with what was ordered. */
export function acceptedOrders({ asked }: Snapshot): Map<string, { sku: string; quantity: number }[]> {
  const placed = asked.filter(({ action, status }) => action === 'place' && status === 202)
  return new Map(placed.map(({ orderId, lines = [] }) => [orderId, lines]))
}

const CHANNELS_ASKED = /(\.(email|sms|push|webhook))+$/

/** Of a request's event id, which names the channels where not all of the notification's are asked for. */
export function notificationOf(requestId: string): string {
  return requestId.replace('/notification.requested/', '.').replace(CHANNELS_ASKED, '')
}
