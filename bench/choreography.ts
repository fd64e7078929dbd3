// One plain order as bare messages: what is published on hearing what, with bodies as the real contracts make them.
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
  registry,
  ShippingDelivered,
  ShippingPrepared,
  ShippingTransit,
} from '@orders/shared/contracts'
import { encode, type Publication } from '@orders/shared/messaging'

const id = '0190c3a4-0000-7000-8000-000000000000'
const at = '2026-01-01T00:00:00.000Z'
const customer = { user: 'bench', priority: 'standard' as const }
const lines = [{ sku: 'item1', quantity: 1, unitPriceCents: 1_000 }]
const priced = { ...customer, lines, totalCents: 1_000 }
const trackingId = 'TRACK-0123456789'

const requested = (type: string) =>
  NotificationRequested.of(id, at, { notificationId: `${id}.${type}`, channels: ['email'] }, { detail: type })
const sent = (type: string) =>
  NotificationSent.of(
    id,
    at,
    {
      notificationId: `${id}.${type}`,
      channel: 'email',
      provider: 'smtp',
      providerId: `<${id}.${type}.email@orders.example>`,
    },
    { detail: `${type}.email` },
  )

const placed = OrderCreated.of(id, at, { ...customer, lines }, { priority: 4 })

/** By queue, by type heard: what is published in turn. The audit hears everything and says nothing. */
const reactions: Record<string, Record<string, Message[]>> = {
  'order.queue': {
    'inventory.reserved': [],
    'payment.success': [OrderPaid.of(id, at, priced, { priority: 4 })],
    'shipping.prepared': [OrderShipped.of(id, at, { ...priced, trackingId }, { priority: 4 })],
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
      ShippingPrepared.of(id, at, { trackingId, carrier: 'simulated' }, { priority: 4 }),
      ShippingTransit.of(id, at, {}, { delayMs: 1 }),
    ],
    'shipping.transit': [ShippingDelivered.of(id, at, { trackingId, deliveredAt: at })],
  },
  'notification.queue': {
    'inventory.reserved': [requested('order.created')],
    'order.paid': [requested('order.paid')],
    'order.shipped': [requested('order.shipped')],
    'order.completed': [requested('order.completed')],
  },
  // Which of the four it was makes no difference to the broker.
  'notification.email.queue': { 'notification.requested': [sent('order.created')] },
  'audit.queue': {},
}

const ready = (message: Message): Publication => encode(registry, message, 'bench', { causationId: message.id })

export const placement: Publication = ready(placed)

/** Each is consumed by a process of its own. */
export const consumedQueues = Object.keys(reactions)

/** What the consumer of a queue publishes, by the type that it hears. */
export function reactionsOf(queue: string): Map<string, Publication[]> {
  return new Map(Object.entries(reactions[queue] ?? {}).map(([type, messages]) => [type, messages.map(ready)]))
}
