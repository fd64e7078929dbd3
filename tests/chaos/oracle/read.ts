// Reads what the services and the payment provider keep, table by table, into the oracle's snapshot.

import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { entriesIn, type LogEntry } from './audit-log.ts'
import type { Rows } from './rows.ts'
import type {
  AttemptRow,
  Chain,
  ChargeRow,
  DeliveryRow,
  EventRow,
  FactRow,
  NotificationRow,
  OrderRow,
  PaymentRow,
  ReservationRow,
  ShipmentRow,
  Snapshot,
  StockRow,
  WaitingRow,
} from './snapshot.ts'

type Kept = Pick<
  Snapshot,
  | 'orders'
  | 'facts'
  | 'stock'
  | 'reservations'
  | 'payments'
  | 'charges'
  | 'shipments'
  | 'notifications'
  | 'deliveries'
  | 'attempts'
  | 'events'
  | 'chain'
  | 'outboxes'
  | 'waitingRows'
>

/** The folders say which there are. */
const services = readdirSync(join(import.meta.dirname, '..', '..', '..')).filter((name) => name.endsWith('-service'))

export async function readKept(rows: Rows): Promise<Kept> {
  const outboxes = []
  const waitingRows: WaitingRow[] = []
  for (const service of services) {
    const [row] = await rows<{ count: number | string }>(service, 'select count(*) as count from outbox')
    outboxes.push({ service, rows: Number(row?.count) })
    const waiting = 'select queue, body from retries where waits_for is not null'
    for (const { queue, body } of await rows<{ queue: string; body: Buffer }>(service, waiting))
      waitingRows.push({ queue, digest: createHash('sha256').update(body).digest('hex') })
  }
  const columns = 'id, subject, order_id, event_type, channels, expires_at'
  return {
    orders: await rows<OrderRow>('order-service', 'select order_id, status, reason, total_cents from orders'),
    facts: await rows<FactRow>('order-service', 'select order_id, type from facts order by sequence'),
    stock: await readStock(rows),
    reservations: await rows<ReservationRow>('inventory-service', 'select order_id, outcome, facts from reservations'),
    payments: await rows<PaymentRow>(
      'payment-service',
      'select order_id, status, charge_id, refund_id, confirm_before from payments',
    ),
    charges: await rows<ChargeRow>(
      'payment-gateway',
      'select key, amount_cents, status, charge_id, refund_id from charges',
    ),
    shipments: await rows<ShipmentRow>('shipping-service', 'select order_id, status from shipments'),
    notifications: await rows<NotificationRow>('notification-service', `select ${columns} from notifications`),
    deliveries: await rows<DeliveryRow>(
      'notification-service',
      'select notification_id, channel, status, updated_at from deliveries',
    ),
    attempts: await rows<AttemptRow>('notification-service', 'select notification_id, channel from attempts'),
    ...(await readEvents(rows)),
    outboxes,
    waitingRows,
  }
}

export function readStock(rows: Rows): Promise<StockRow[]> {
  return rows<StockRow>(
    'inventory-service',
    'select sku, unit_price_cents, available, reserved, committed, restocks from stock',
  )
}

const NOTHING_YET = '0'.repeat(64)

/** The whole log, its chain of hashes computed anew on the way; bodies are not kept. */
async function readEvents(rows: Rows): Promise<{ events: EventRow[]; chain: Chain }> {
  const events: EventRow[] = []
  const chain: Chain = { entries: 0, brokenAt: null }
  let hash = NOTHING_YET
  for await (const entry of entriesIn((sql) => rows('audit-service', sql))) {
    chain.entries += 1
    hash = hashAfter(hash, entry)
    if (entry.sequence !== chain.entries || entry.hash !== hash) chain.brokenAt ??= entry.sequence
    events.push(eventOf(entry))
  }
  return { events, chain }
}

/** As docs say: each entry's hash covers the entry and the hash before it. */
function hashAfter(before: string, entry: LogEntry): string {
  const { sequence, id, type, subject, source, time, receivedAt, causationId, body } = entry
  const content = [before, sequence, id, type, subject, source, time, receivedAt, causationId, body]
  return createHash('sha256').update(JSON.stringify(content)).digest('hex')
}

const JUDGED_BY_CONTENT = ['inventory.restocked', 'notification.requested']
const JUDGED_BY_TIME = ['payment.failed', 'shipping.prepared', 'shipping.delivered']
const JUDGED_BY_CAUSE = ['notification.cancelled']

function eventOf({ sequence, id, type, subject, source, time, causationId: cause, body }: LogEntry): EventRow {
  const event = {
    ...{ sequence, id, type, subject, source },
    ...(JUDGED_BY_TIME.includes(type) && { time }),
    ...(JUDGED_BY_CAUSE.includes(type) && { cause }),
  }
  // The cast is the decoding edge: these two types carry what the checks read.
  return JUDGED_BY_CONTENT.includes(type)
    ? { ...event, data: (JSON.parse(body) as { data: NonNullable<EventRow['data']> }).data }
    : event
}
