// Fourth stop of an order: what is paid goes to the carrier, and arrives.
import { type Message, PaymentSuccess, ShippingTransit } from '@orders/shared/contracts'
import { type Done, type Handler, on, type Timers } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import type { Sql } from '@orders/shared/storage'
import type { Carrier } from './carrier.ts'
import type { ShippingConfig } from './config.ts'
import {
  type Booking,
  type Decision,
  decideBooking,
  decideDelivery,
  decideGivenUp,
  type Paid,
  type Shipment,
  type Terms,
} from './domain.ts'
import { onTheRoadSince, saveShipment, shipmentOf } from './store.ts'

export function handlers(carrier: Carrier, terms: Terms): Handler[] {
  return [
    on(PaymentSuccess, {
      ask: async ({ subject, data }, { sql, signal }) =>
        booked(carrier, subject, { shipment: await shipmentOf(sql, subject), paid: data, signal }),
      handle: ({ subject, data: { priority } }, tx, { now }, booking: Booking | undefined) =>
        change(tx, subject, (shipment) => decideBooking(subject, shipment, { priority, booking, terms, now })),
      giveUp: ({ subject, data: { priority } }, tx, { now }) =>
        change(tx, subject, (shipment) => decideGivenUp(subject, shipment, { priority, now })),
    }),
    on(ShippingTransit, ({ subject }, tx, { now }) => arrived(subject, tx, now)),
  ]
}

const arrived = (orderId: string, tx: Sql, now: string) =>
  change(tx, orderId, (shipment) => decideDelivery(shipment, now))

export function arrivals({ shippingTransitMs, timerGraceMs, timerLookMs }: ShippingConfig): Timers {
  return {
    name: 'shipping.transit',
    // What is kept is when the parcel was handed over.
    graceMs: shippingTransitMs + timerGraceMs,
    lookEveryMs: timerLookMs,
    overdue: onTheRoadSince,
    decide: arrived,
  }
}

/**
 * An operator says that the parcel arrived; saying so again is harmless.
 *
 * @throws RejectedError 404 `no_such_shipment`, 409 `shipment_failed`
 */
export async function markDelivered(tx: Sql, orderId: string, now: string): Promise<Done<Shipment>> {
  const shipment = await known(tx, orderId)
  if (shipment.status === 'failed')
    throw new RejectedError(409, 'shipment_failed', `order ${orderId} was never shipped: ${shipment.reason}`)
  const decision = decideDelivery(shipment, now)
  if (decision.shipment) await saveShipment(tx, decision.shipment)
  return { result: decision.shipment ?? shipment, messages: decision.messages }
}

/** @throws RejectedError 404 `no_such_shipment` */
export async function known(sql: Pick<Sql, 'get'>, orderId: string): Promise<Shipment> {
  const shipment = await shipmentOf(sql, orderId)
  if (!shipment) throw new RejectedError(404, 'no_such_shipment', `nothing was shipped for order ${orderId} yet`)
  return shipment
}

/** Load, decide, save, say: the same for every message. */
async function change(
  tx: Sql,
  orderId: string,
  decide: (shipment: Shipment | undefined) => Decision,
): Promise<Message[]> {
  const { shipment, messages } = decide(await shipmentOf(tx, orderId))
  if (shipment) await saveShipment(tx, shipment)
  return messages
}

/** The order id is the key, so asking again is about the same parcel; a parcel that was decided is not asked about. */
async function booked(
  carrier: Carrier,
  key: string,
  { shipment, paid, signal }: { shipment: Shipment | undefined; paid: Paid; signal: AbortSignal },
): Promise<Booking | undefined> {
  return shipment ? undefined : carrier.book({ key, address: paid.shippingAddress, lines: paid.lines }, signal)
}
