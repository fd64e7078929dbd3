// One happy order as bare messages: who publishes what on hearing what, with bodies as the real contracts make them.
import {
  InventoryCommitted,
  InventoryReserved,
  type Message,
  NotificationRequested,
  NotificationSent,
  OrderCompleted,
  OrderCreated,
  OrderPaid,
  OrderShipped,
  PaymentSuccess,
  ShippingDelivered,
  ShippingPrepared,
  ShippingTransit,
} from '@orders/shared/contracts'
import { encode, type Publication } from '@orders/shared/messaging'

const id = '0190c3a4-0000-7000-8000-000000000000'
const at = '2026-01-01T00:00:00.000Z'
const customer = { user: 'bench', priority: 'standard' as const }
const lines = [
  { sku: 'item1', quantity: 1, unitPriceCents: 1_000 },
  { sku: 'item2', quantity: 1, unitPriceCents: 2_000 },
]
const priced = { ...customer, lines, totalCents: 3_000 }

const email = { channel: 'email' as const, provider: 'file', providerId: `<${id}.order.created.email@orders.example>` }
const requested = (type: string) =>
  NotificationRequested.of(id, at, { notificationId: `${id}.${type}`, channels: ['email'] }, { detail: type })

const placed = OrderCreated.of(id, at, { ...customer, lines }, { priority: 4 })

/** By queue, by type heard: what is published in turn. */
const reactions: Record<string, Record<string, Message[]>> = {
  'order.queue': {
    'inventory.reserved': [],
    'payment.success': [OrderPaid.of(id, at, priced, { priority: 4 })],
    'shipping.prepared': [OrderShipped.of(id, at, { ...priced, trackingId: 'TRACK-0123456789' }, { priority: 4 })],
    'shipping.delivered': [OrderCompleted.of(id, at, priced, { priority: 4 })],
  },
  'inventory.queue': {
    'order.created': [InventoryReserved.of(id, at, priced, { priority: 4 })],
    'payment.success': [InventoryCommitted.of(id, at, { lines })],
  },
  'payment.queue': {
    'inventory.reserved': [PaymentSuccess.of(id, at, { ...priced, chargeId: 'ch_0123456789abcdef' }, { priority: 4 })],
  },
  'shipping.queue': {
    'payment.success': [
      ShippingPrepared.of(id, at, { trackingId: 'TRACK-0123456789', carrier: 'simulated' }, { priority: 4 }),
      ShippingTransit.of(id, at, {}, { delayMs: 1 }),
    ],
    'shipping.transit': [ShippingDelivered.of(id, at, { trackingId: 'TRACK-0123456789', deliveredAt: at })],
  },
  'notification.queue': {
    'order.created': [requested('order.created')],
    'order.paid': [requested('order.paid')],
    'order.shipped': [requested('order.shipped')],
    'order.completed': [requested('order.completed')],
  },
  'notification.email.queue': {
    'notification.requested': [
      NotificationSent.of(
        id,
        at,
        { notificationId: `${id}.order.created`, ...email },
        { detail: 'order.created.email' },
      ),
    ],
  },
  'audit.queue': {},
}

const queuesOf: Record<string, string[]> = {
  order: ['order.queue'],
  inventory: ['inventory.queue'],
  payment: ['payment.queue'],
  shipping: ['shipping.queue'],
  notification: ['notification.queue', 'notification.email.queue'],
  audit: ['audit.queue'],
}

const ready = (message: Message): Publication => encode(message, 'bench', { causationId: message.id })

export const placement: Publication = ready(placed)

/** The queues that one service consumes, with what it publishes for each type it hears. */
export function reactionsOf(service: string): { queue: string; byType: Map<string, Publication[]> }[] {
  return (queuesOf[service] ?? []).map((queue) => {
    const entries = Object.entries(reactions[queue] ?? {})
    return { queue, byType: new Map(entries.map(([type, messages]) => [type, messages.map(ready)])) }
  })
}
