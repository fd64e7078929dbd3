// The rules of shipments. Only this service decides whether an order is shipped, in one row for each order. The carrier's
// answer decides. A parcel is delivered when its time in transit is over, or when an operator says so, whichever is first.
import {
  amqpPriority,
  type Customer,
  type Message,
  type OrderPriority,
  type PricedLine,
  ShippingDelivered,
  ShippingFailed,
  ShippingPrepared,
  ShippingTransit,
} from '@orders/shared/contracts'

/** What payment-service publishes about a paid order. */
export interface Paid extends Customer {
  lines: PricedLine[]
  totalCents: number
  currency?: string
  chargeId: string
}

export interface Shipment {
  orderId: string
  status: 'prepared' | 'delivered' | 'failed'
  priority: OrderPriority
  trackingId: string | null
  carrier: string | null
  reason: string | null
  deliveredAt: string | null
  version: number
  createdAt: string
  updatedAt: string
}

/** The carrier's answer about a parcel. */
export type Booking =
  | { outcome: 'booked'; trackingId: string; carrier: string }
  | { outcome: 'refused'; reason: string }

/** The changed shipment, if it changed, and the messages to publish. */
export interface Decision {
  state?: Shipment
  messages: Message[]
}

export interface Terms {
  transitMs: number
  /** A URL with `{trackingId}` in place of the tracking number. */
  trackingUrl?: string | undefined
}

export const CARRIER_UNAVAILABLE = 'carrier_unavailable'
/** The address is forgotten with the customer. */
export const CUSTOMER_FORGOTTEN = 'customer_forgotten'
const nothing: Decision = { messages: [] }

/**
 * `payment.success`, with the carrier's answer. `booking` is undefined if a shipment exists already, so the carrier was not
 * asked.
 */
export function decideBooking(
  orderId: string,
  shipment: Shipment | undefined,
  { paid, booking, terms, now }: { paid: Paid; booking?: Booking; terms: Terms; now: string },
): Decision {
  if (shipment) return nothing
  if (!booking) throw new Error(`the carrier was not asked about order ${orderId}`)
  if (booking.outcome === 'refused') return refused(orderId, paid, booking.reason, now)
  const { priority } = paid
  const { trackingId, carrier } = booking
  return {
    state: { ...opened(orderId, priority, now), status: 'prepared', trackingId, carrier },
    messages: [
      ShippingPrepared.of(
        orderId,
        now,
        { trackingId, carrier, ...linkTo(trackingId, terms) },
        { priority: amqpPriority[priority] },
      ),
      ShippingTransit.of(orderId, now, {}, { delayMs: terms.transitMs }),
    ],
  }
}

/** The page on which the customer can follow the parcel. */
function linkTo(trackingId: string, { trackingUrl }: Terms): { trackingUrl?: string } {
  return trackingUrl === undefined
    ? {}
    : { trackingUrl: trackingUrl.replaceAll('{trackingId}', () => encodeURIComponent(trackingId)) }
}

/** The carrier did not answer any attempt. */
export function decideGivenUp(
  orderId: string,
  shipment: Shipment | undefined,
  { paid, now }: { paid: Paid; now: string },
): Decision {
  return shipment ? nothing : refused(orderId, paid, CARRIER_UNAVAILABLE, now)
}

/** When the parcel's time in transit is over. Undefined if it is not in transit. */
export function arrivesAt(shipment: Shipment | undefined, { transitMs }: Terms): string | undefined {
  return shipment?.status === 'prepared'
    ? new Date(Date.parse(shipment.createdAt) + transitMs).toISOString()
    : undefined
}

/**
 * The parcel arrived. A timer without a shipment leaves no tombstone: the shipment starts a timer of its own, and a parcel that
 * the carrier does not have cannot have arrived.
 */
export function decideDelivery(shipment: Shipment | undefined, now: string): Decision {
  if (shipment?.status !== 'prepared') return nothing
  const { orderId, priority, trackingId, version } = shipment
  if (trackingId === null) throw new Error(`order ${orderId} is in transit without a tracking id`)
  const delivered = ShippingDelivered.of(
    orderId,
    now,
    { trackingId, deliveredAt: now },
    { priority: amqpPriority[priority] },
  )
  return {
    state: { ...shipment, status: 'delivered', deliveredAt: now, version: version + 1, updatedAt: now },
    messages: [delivered],
  }
}

/**
 * The event repeats the customer's data: payment-service has removed its own by then, and its event about the refund needs
 * them.
 */
function refused(orderId: string, paid: Paid, reason: string, now: string): Decision {
  const { chargeId: _, totalCents: __, paymentMethod: ___, ...ordered } = paid
  return {
    state: { ...opened(orderId, paid.priority, now), status: 'failed', reason },
    messages: [ShippingFailed.of(orderId, now, { ...ordered, reason }, { priority: amqpPriority.failure })],
  }
}

function opened(orderId: string, priority: OrderPriority, now: string): Omit<Shipment, 'status'> {
  return {
    orderId,
    priority,
    trackingId: null,
    carrier: null,
    reason: null,
    deliveredAt: null,
    version: 1,
    createdAt: now,
    updatedAt: now,
  }
}

/**
 * Restores a shipment from this service's own events during a rebuild. What is known stays, except that a parcel in transit may
 * become delivered.
 */
export function recalledShipment(
  orderId: string,
  known: Shipment | undefined,
  said: Pick<Shipment, 'status'> & Partial<Shipment>,
  at: string,
): Decision {
  if (known && !(said.status === 'delivered' && known.status === 'prepared')) return nothing
  return { state: { ...(known ?? opened(orderId, 'standard', at)), ...said, updatedAt: at }, messages: [] }
}

/** The shipping events do not state the priority. Only `payment.success` does. */
export function withPriority(known: Shipment | undefined, priority: OrderPriority): Decision {
  return !known || known.priority === priority ? nothing : { state: { ...known, priority }, messages: [] }
}
