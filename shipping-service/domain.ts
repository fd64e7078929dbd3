// Shipped or refused: one row for each order, and only here. The carrier's word decides; a parcel that was taken is
// delivered when its time on the road is over, or when an operator says so, whichever comes first.
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

/** What payment says of an order that is paid. */
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

/** The carrier's word on a parcel. */
export type Booking =
  | { outcome: 'booked'; trackingId: string; carrier: string }
  | { outcome: 'refused'; reason: string }

/** What changes, if anything, and what is said. */
export interface Decision {
  state?: Shipment
  messages: Message[]
}

export interface Terms {
  transitMs: number
  /** With `{trackingId}` in the place of the number. */
  trackingUrl?: string | undefined
}

export const CARRIER_UNAVAILABLE = 'carrier_unavailable'
/** Nobody knows any more where the parcel would go. */
export const CUSTOMER_FORGOTTEN = 'customer_forgotten'
const nothing: Decision = { messages: [] }

/** `payment.success`, with what the carrier said; undefined when it was not asked, since the decision was known. */
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

/** Where the customer can follow the parcel. */
function linkTo(trackingId: string, { trackingUrl }: Terms): { trackingUrl?: string } {
  return trackingUrl === undefined
    ? {}
    : { trackingUrl: trackingUrl.replaceAll('{trackingId}', () => encodeURIComponent(trackingId)) }
}

/** The carrier did not answer, however often it was asked. */
export function decideGivenUp(
  orderId: string,
  shipment: Shipment | undefined,
  { paid, now }: { paid: Paid; now: string },
): Decision {
  return shipment ? nothing : refused(orderId, paid, CARRIER_UNAVAILABLE, now)
}

/** When the parcel's time on the road is over; undefined when it is not on the road. */
export function arrivesAt(shipment: Shipment | undefined, { transitMs }: Terms): string | undefined {
  return shipment?.status === 'prepared'
    ? new Date(Date.parse(shipment.createdAt) + transitMs).toISOString()
    : undefined
}

/**
 * The parcel arrived. A timer without a shipment leaves no tombstone: the shipment brings a timer of its own, and what
 * was never handed to the carrier has not arrived.
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

/** Tells whom it is about, too: payment has forgotten the customer by then, who is to hear of the refund. */
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

/** The shipment as its own words tell it; what is known already stands, but that a parcel which was on the road has arrived. */
export function recalledShipment(
  orderId: string,
  known: Shipment | undefined,
  said: Pick<Shipment, 'status'> & Partial<Shipment>,
  at: string,
): Decision {
  if (known && !(said.status === 'delivered' && known.status === 'prepared')) return nothing
  return { state: { ...(known ?? opened(orderId, 'standard', at)), ...said, updatedAt: at }, messages: [] }
}

/** Only what was paid says how urgent it is. */
export function withPriority(known: Shipment | undefined, priority: OrderPriority): Decision {
  return !known || known.priority === priority ? nothing : { state: { ...known, priority }, messages: [] }
}
