// The carrier: what shipping-service asks of one, and a simulated one that needs no books, since it always answers the same.
//
// What a real one must have to take its place: a booking that is idempotent by our key. One that may have booked and
// never answered is to be cancelled by its key after a giveUp, as payment-service does with a charge.
import { createHash } from 'node:crypto'
import type { PricedLine } from '@orders/shared/contracts'
import type { Breaker } from '@orders/shared/runtime'
import type { Booking } from './domain.ts'

export interface BookingRequest {
  key: string
  /** Without one, the parcel goes to the address that the carrier knows of the customer. */
  address: string | undefined
  lines: PricedLine[]
}

/** May be asked again with the same key: it is the same parcel. Throws TransientError with `isOutside` while it cannot be reached. */
export interface Carrier {
  book(request: BookingRequest, signal: AbortSignal): Promise<Booking>
}

/** Behind a breaker: calls while it is open are not made, and `guard` says so beforehand. */
export function guarded(carrier: Carrier, breaker: Breaker): Carrier & { guard: Breaker } {
  return { guard: breaker, book: (request, signal) => breaker.call(() => carrier.book(request, signal)) }
}

/** Takes every parcel but those to nowhere: an address with that word in it is refused for good. */
export function openSimulatedCarrier(): Carrier {
  return {
    async book({ key, address = '' }) {
      if (/\bnowhere\b/i.test(address)) return { outcome: 'refused', reason: 'address_not_served' }
      const trackingId = `SIM-${createHash('sha256').update(key).digest('hex').slice(0, 12).toUpperCase()}`
      return { outcome: 'booked', trackingId, carrier: 'simulated-post' }
    },
  }
}
