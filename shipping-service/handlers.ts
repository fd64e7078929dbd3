// The fourth stop of an order: the carrier takes the parcel of a paid order and delivers it.
import { PaymentSuccess, ShippingTransit } from '@orders/shared/contracts'
import { about, type Handler, on, type Timers, type Work } from '@orders/shared/messaging'
import { notBefore, RejectedError } from '@orders/shared/runtime'
import type { Carrier } from './carrier.ts'
import type { ShippingConfig } from './config.ts'
import {
  arrivesAt,
  type Booking,
  CUSTOMER_FORGOTTEN,
  decideBooking,
  decideDelivery,
  decideGivenUp,
  type Paid,
  type Shipment,
  type Terms,
} from './domain.ts'
import { onTheRoadSince, shipments } from './store.ts'

/** The answer of the carrier in a rehearsal, if the shipment is decided already. */
const NOT_ASKED = { answer: undefined }

export function handlers(carrier: Carrier & { guard?: Handler['guard'] }, terms: Terms, patienceMs: number): Handler[] {
  return [
    on(PaymentSuccess, shipments, {
      patience: { waitsMs: [1_000, 5_000, 15_000, 30_000], forMs: patienceMs },
      ...(carrier.guard && { guard: carrier.guard }),
      ask: async ({ subject, data, isForgotten }, { read, signal }) =>
        booked(carrier, subject, { shipment: await read(shipments, subject), paid: data, isForgotten, signal }),
      decide: ({ subject, data: paid }, shipment, { now }, booking: Booking | undefined) =>
        decideBooking(subject, shipment, { paid, booking, terms, now }),
      giveUp: ({ subject, data: paid }, shipment, { now }) => decideGivenUp(subject, shipment, { paid, now }),
      recall: (_, shipment) => shipment && NOT_ASKED,
    }),
    on(ShippingTransit, shipments, {
      decide(_, shipment, { now, waitedMs }) {
        notBefore(arrivesAt(shipment, terms), now, { lengthMs: terms.transitMs, waitedMs })
        return decideDelivery(shipment, now)
      },
    }),
  ]
}

export function arrivals({ shippingTransitMs, timerGraceMs, timerLookMs }: ShippingConfig): Timers {
  return {
    name: 'shipping.transit',
    // The row stores when the carrier took the parcel, so the time in transit is added.
    graceMs: shippingTransitMs + timerGraceMs,
    lookEveryMs: timerLookMs,
    overdue: onTheRoadSince,
    work: (orderId, now) =>
      about(shipments, orderId, (shipment) => {
        const decision = decideDelivery(shipment, now)
        return { ...decision, result: decision.state !== undefined }
      }),
  }
}

/**
 * An operator says that the parcel arrived. A repeat is harmless.
 *
 * @throws RejectedError 404 `no_such_shipment`, 409 `shipment_failed`
 */
export function markDelivered(orderId: string, now: string): Work<Shipment> {
  return about(shipments, orderId, (found) => {
    const shipment = known(found, orderId)
    if (shipment.status === 'failed')
      throw new RejectedError(409, 'shipment_failed', `order ${orderId} was never shipped: ${shipment.reason}`)
    const decision = decideDelivery(shipment, now)
    return { ...decision, result: decision.state ?? shipment }
  })
}

/** @throws RejectedError 404 `no_such_shipment` */
export function known(shipment: Shipment | undefined, orderId: string): Shipment {
  if (!shipment) throw new RejectedError(404, 'no_such_shipment', `order ${orderId} has not been shipped yet`)
  return shipment
}

interface Asking {
  shipment: Shipment | undefined
  paid: Paid
  isForgotten: true | undefined
  signal: AbortSignal
}

/** The order id is the key, so a repeated call is about the same parcel. A decided shipment needs no call. */
async function booked(
  carrier: Carrier,
  key: string,
  { shipment, paid, isForgotten, signal }: Asking,
): Promise<Booking | undefined> {
  if (isForgotten) return { outcome: 'refused', reason: CUSTOMER_FORGOTTEN }
  return shipment ? undefined : carrier.book({ key, address: paid.shippingAddress, lines: paid.lines }, signal)
}
