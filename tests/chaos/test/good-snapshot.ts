// A snapshot in which everything holds, made by hand: an order that was delivered, one that found the shelf empty, one
// whose card was declined, one that the carrier refused, a restock, a piece of garbage and a mail refused for good.
import type { Snapshot } from '../oracle/snapshot.ts'

const WATCHED_MS = 1_000_000

export function goodSnapshot(): Snapshot {
  const snapshot = empty()
  delivered(snapshot, 'good')
  outOfStock(snapshot, 'empty')
  declined(snapshot, 'declined')
  shippingRefused(snapshot, 'refused')
  restocked(snapshot)
  mailRefused(snapshot, 'good', 'order.shipped')
  snapshot.asked.push(
    { action: 'repeat', orderId: 'good', answeredId: 'good', status: 202, hadKey: true },
    { action: 'repeat-changed', orderId: 'good', status: 422, hadKey: true, code: 'idempotency_key_reused' },
    { action: 'cancel', orderId: 'good', status: 409, code: 'order_already_paid' },
  )
  return snapshot
}

function empty(): Snapshot {
  const shelf = { sku: 'item1', unit_price_cents: 1_000 }
  return {
    asked: [],
    orders: [],
    facts: [],
    stockBefore: [{ ...shelf, available: 10, reserved: 0, committed: 0, restocks: 0 }],
    // One delivered order of two; the restock added five.
    stock: [{ ...shelf, available: 13, reserved: 0, committed: 2, restocks: 1 }],
    reservations: [],
    stockLooks: { count: 5, negative: [] },
    payments: [],
    charges: [],
    shipments: [],
    notifications: [],
    deliveries: [],
    attempts: [],
    accepted: [],
    events: [],
    tree: { entries: 0, brokenAt: null },
    outboxes: [{ service: 'order-service', rows: 0 }],
    queues: [
      { name: 'order.queue', messages: 0 },
      { name: 'order.dlq', messages: 0 },
    ],
    sentAgain: [],
    rehearsals: {
      rehearsed: [{ queue: 'order.dlq', id: 'garbage-1', told: 'fails', code: 'undecodable', came: 'undecodable' }],
      calls: 0,
    },
    deadLetters: [{ queue: 'order.dlq', id: 'garbage-1', reason: 'undecodable: the body is not JSON', digest: 'a' }],
    thrown: [
      { id: 'garbage-1', queue: 'order.queue', digest: 'a', wants: 'dead letter', confirmed: true, atMs: 0 },
      { id: 'odd-1', queue: 'payment.queue', digest: 'b', wants: 'row', confirmed: true, atMs: 0 },
    ],
    waitingRows: [{ queue: 'payment.queue', digest: 'b' }],
    repeating: [],
    released: [],
    toldByRelease: [],
    refusedAddresses: ['somebody@example.com'],
    windows: [],
    refusals: [
      {
        queue: 'shipping.queue',
        hears: ['payment.success'],
        routes: ['payment.exchange payment.success'],
        after: 0,
        until: 1_000,
      },
    ],
    topology: { before: ['queue order.queue'], after: ['queue order.queue'] },
    transitMs: 300,
    exits: [{ process: 'order', code: null, signal: 'SIGKILL', wanted: true }],
    memory: [{ process: 'order', peakBytes: 100 * 1_048_576 }],
    memoryMaxBytes: 512 * 1_048_576,
  }
}

function placed(snapshot: Snapshot, order_id: string, status: string, reason: string | null): void {
  const lines = [{ sku: 'item1', quantity: 2 }]
  snapshot.asked.push({ action: 'place', orderId: order_id, status: 202, lines })
  snapshot.orders.push({ order_id, status, reason, total_cents: reason === 'out_of_stock' ? null : 2_000 })
}

function knows(snapshot: Snapshot, order_id: string, ...types: string[]): void {
  for (const type of types) snapshot.facts.push({ order_id, type })
}

const TOLD: Record<string, string> = {
  'inventory.reserved': 'order.created',
  'order.paid': 'order.paid',
  'order.shipped': 'order.shipped',
  'order.completed': 'order.completed',
  'order.cancelled': 'order.cancelled',
}

/** Events as they are kept; news that customers are told brings its notification and the mail with it. */
function happened(snapshot: Snapshot, subject: string, ...types: string[]): void {
  const said = (id: string, type: string, data?: object) => {
    const sequence = snapshot.events.length + 1
    const source = `/${type.slice(0, type.indexOf('.'))}-service`
    const time = new Date(WATCHED_MS + sequence * 1_000).toISOString()
    snapshot.events.push({ sequence, id: `${subject}/${id}`, type, subject, source, time, ...(data && { data }) })
    snapshot.tree.entries = sequence
  }
  for (const type of types) {
    said(type, type)
    const news = TOLD[type]
    if (news === undefined) continue
    const id = `${subject}.${news}`
    snapshot.notifications.push({
      id,
      subject,
      order_id: subject,
      event_type: news,
      channels: 1,
      created_at: '',
      expires_at: null,
    })
    said(`notification.requested/${news}`, 'notification.requested', { channels: ['email'] })
    snapshot.deliveries.push({ notification_id: id, channel: 'email', status: 'sent', updated_at: '' })
    snapshot.accepted.push({ id: `${id}.email`, atMs: WATCHED_MS + snapshot.accepted.length, told: true })
    said(`notification.sent/${news}.email`, 'notification.sent')
  }
}

function delivered(snapshot: Snapshot, order_id: string): void {
  placed(snapshot, order_id, 'completed', null)
  knows(
    snapshot,
    order_id,
    ...['order.created', 'inventory.reserved', 'payment.success', 'shipping.prepared', 'shipping.delivered'],
  )
  snapshot.reservations.push({ order_id, outcome: 'reserved', facts: '["payment.success"]' })
  const charge_id = `ch_${order_id}`
  snapshot.payments.push({ order_id, status: 'succeeded', charge_id, refund_id: null, confirm_before: null })
  snapshot.charges.push({ key: order_id, amount_cents: 2_000, status: 'charged', charge_id, refund_id: null })
  snapshot.shipments.push({ order_id, status: 'delivered' })
  happened(snapshot, order_id, 'order.created', 'inventory.reserved', 'payment.success', 'inventory.committed')
  happened(snapshot, order_id, 'order.paid', 'shipping.prepared', 'order.shipped', 'shipping.delivered')
  happened(snapshot, order_id, 'order.completed')
}

function outOfStock(snapshot: Snapshot, order_id: string): void {
  placed(snapshot, order_id, 'cancelled', 'out_of_stock')
  knows(snapshot, order_id, 'order.created', 'inventory.out_of_stock')
  snapshot.reservations.push({ order_id, outcome: 'out_of_stock', facts: '[]' })
  happened(snapshot, order_id, 'order.created', 'inventory.out_of_stock', 'order.cancelled')
}

function declined(snapshot: Snapshot, order_id: string): void {
  placed(snapshot, order_id, 'cancelled', 'declined')
  knows(snapshot, order_id, 'order.created', 'inventory.reserved', 'payment.failed')
  snapshot.reservations.push({ order_id, outcome: 'reserved', facts: '["payment.failed"]' })
  snapshot.payments.push({ order_id, status: 'failed', charge_id: null, refund_id: null, confirm_before: null })
  snapshot.charges.push({ key: order_id, amount_cents: 2_000, status: 'declined', charge_id: null, refund_id: null })
  happened(snapshot, order_id, 'order.created', 'inventory.reserved', 'payment.failed', 'inventory.released')
  happened(snapshot, order_id, 'order.cancelled')
}

function shippingRefused(snapshot: Snapshot, order_id: string): void {
  placed(snapshot, order_id, 'cancelled', 'address_not_served')
  knows(snapshot, order_id, 'order.created', 'inventory.reserved', 'payment.success', 'shipping.failed')
  snapshot.reservations.push({ order_id, outcome: 'reserved', facts: '["payment.success","shipping.failed"]' })
  const ids = { charge_id: `ch_${order_id}`, refund_id: `re_${order_id}` }
  snapshot.payments.push({ order_id, status: 'refunded', ...ids, confirm_before: null })
  snapshot.charges.push({ key: order_id, amount_cents: 2_000, status: 'refunded', ...ids })
  snapshot.shipments.push({ order_id, status: 'failed' })
  happened(snapshot, order_id, 'order.created', 'inventory.reserved', 'payment.success', 'inventory.committed')
  happened(snapshot, order_id, 'order.paid', 'shipping.failed', 'inventory.released', 'payment.refunded')
  happened(snapshot, order_id, 'order.cancelled')
}

function restocked(snapshot: Snapshot): void {
  const sequence = snapshot.events.length + 1
  const type = 'inventory.restocked'
  snapshot.events.push({ sequence, id: `item1/${type}/1`, type, subject: 'item1', data: { addedQuantity: 5 } })
  snapshot.tree.entries = sequence
}

/** Turns a mail that was sent into one that never will be. */
function mailRefused(snapshot: Snapshot, order: string, about: string): void {
  const id = `${order}.${about}`
  for (const delivery of snapshot.deliveries) if (delivery.notification_id === id) delivery.status = 'failed'
  snapshot.attempts.push({ notification_id: id, channel: 'email' })
  for (const event of snapshot.events)
    if (event.id === `${order}/notification.sent/${about}.email`) {
      event.id = `${order}/notification.failed/${about}.email`
      event.type = 'notification.failed'
    }
  snapshot.accepted = snapshot.accepted.filter((mail) => mail.id !== `${id}.email`)
  const letter = { queue: 'notification.email.dlq', id: `${order}/notification.requested/${about}` }
  snapshot.deadLetters.push({ ...letter, reason: 'mail_refused: no such mailbox', digest: 'm' })
}
