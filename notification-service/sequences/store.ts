// The SQL of sequences: what of one is still to be said, and whether its end was heard already.
import type { Channel } from '@orders/shared/contracts'
import type { Sql } from '@orders/shared/storage'

type Reader = Pick<Sql, 'all' | 'get'>

export interface OpenStep {
  notificationId: string
  channel: Channel
}

export async function openStepsOf(tx: Reader, orderId: string, sequence: string): Promise<OpenStep[]> {
  return tx.all<OpenStep>(
    `select deliveries.notification_id as "notificationId", deliveries.channel
     from notifications join deliveries on deliveries.notification_id = notifications.id
     where notifications.order_id = ? and notifications.category = ? and deliveries.status in ('held', 'waiting')`,
    orderId,
    sequence,
  )
}

/** Whether one of these events of the order was heard: each has left its notification. */
export async function wasHeard(tx: Reader, orderId: string, types: readonly string[]): Promise<boolean> {
  if (types.length === 0) return false
  const found = await tx.get(
    `select 1 from notifications where id in (${types.map(() => '?').join(', ')}) limit 1`,
    ...types.map((type) => `${orderId}.${type}`),
  )
  return found !== undefined
}
