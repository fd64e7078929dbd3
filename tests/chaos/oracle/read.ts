// Reads what the services and the payment provider keep, table by table, into the oracle's snapshot.

import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { entriesIn, type LogEntry } from './audit-log.ts'
import type { Rows } from './rows.ts'
import type {
  AttemptRow,
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
  Tree,
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
  | 'tree'
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
  const columns = 'id, subject, order_id, event_type, channels, created_at, expires_at'
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
      'select notification_id, channel, status, updated_at, superseded_by from deliveries',
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

/** The whole log, its Merkle tree computed anew on the way and compared with the newest checkpoint; bodies are not kept. */
async function readEvents(rows: Rows): Promise<{ events: EventRow[]; tree: Tree }> {
  const [head] = await rows<{ checkpoint: string | null }>('audit-service', 'select checkpoint from tree_head')
  const [, size, root] = head?.checkpoint?.split('\n') ?? []
  const events: EventRow[] = []
  const tree: Tree = { entries: 0, brokenAt: null }
  /** Full subtrees, the largest first. */
  const subtrees: { leaves: number; hash: Buffer }[] = []
  for await (const entry of entriesIn((sql) => rows('audit-service', sql))) {
    tree.entries += 1
    const leaf = leafOf(entry)
    if (entry.sequence !== tree.entries || entry.hash !== leaf.toString('hex')) tree.brokenAt ??= entry.sequence
    subtrees.push({ leaves: 1, hash: leaf })
    for (
      let [left, right] = subtrees.slice(-2);
      left && left.leaves === right?.leaves;
      [left, right] = subtrees.slice(-2)
    )
      subtrees.splice(-2, 2, { leaves: left.leaves * 2, hash: sha256('\u0001', left.hash, right.hash) })
    const isSigned = String(tree.entries) === size
    const whole =
      isSigned && subtrees.map(({ hash }) => hash).reduceRight((right, left) => sha256('\u0001', left, right))
    if (whole && whole.toString('base64') !== root) tree.brokenAt ??= entry.sequence
    events.push(eventOf(entry))
  }
  if (Number(size ?? 0) > tree.entries) tree.brokenAt ??= tree.entries + 1
  return { events, tree }
}

/** As docs say: three lines, a fourth for a trace, and RFC 6962's zero before them. */
function leafOf({ receivedAt, causationId, traceId, body }: LogEntry): Buffer {
  const cause = causationId === null ? '-' : sha256(causationId).toString('hex')
  return sha256(
    '\u0000',
    `${receivedAt}\n${cause}\n${sha256(body).toString('hex')}\n${traceId === null ? '' : `${traceId}\n`}`,
  )
}

function sha256(...parts: (string | Buffer)[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

const JUDGED_BY_CONTENT = ['inventory.restocked', 'notification.requested']
const JUDGED_BY_TIME = ['payment.failed', 'shipping.prepared', 'shipping.delivered']

function eventOf({ sequence, id, type, subject, source, time, body }: LogEntry): EventRow {
  const event = {
    ...{ sequence, id, type, subject, source },
    ...(JUDGED_BY_TIME.includes(type) && { time }),
  }
  // The cast is the decoding edge: these two types carry what the checks read.
  return JUDGED_BY_CONTENT.includes(type)
    ? { ...event, data: (JSON.parse(body) as { data: NonNullable<EventRow['data']> }).data }
    : event
}
