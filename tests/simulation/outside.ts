// The world beyond the services: a payment provider, a carrier and four providers of messages, which fail, fall silent,
// and answer when the process that asked is dead.
import { PermanentError, TransientError } from '@orders/shared/runtime'
import type { Faults, Process, Tally, Time } from '@orders/shared/testing'
import type { Sender } from '../../notification-service/channels/sender.ts'
import { type Gateway, openSimulatedGateway } from '../../payment-service/gateway.ts'
import { type Carrier, openSimulatedCarrier } from '../../shipping-service/carrier.ts'
import { REFUSED_ADDRESS } from './orders.ts'
import type { Witness } from './witness.ts'

/** What the providers did, by the keys they were given. */
export interface Ledger {
  /** The charges made under each key: one each, if all is well. */
  charges: Map<string, Set<string>>
  refunds: Map<string, Set<string>>
  parcels: Map<string, Set<string>>
  /** Messages accepted, by notification and channel. */
  accepted: Map<string, number>
  /** The same, as they came. */
  told: { notificationId: string; channel: string }[]
}

export interface Outside {
  gateway: Gateway
  carrier: Carrier
  sender: Sender
  ledger: Ledger
}

export function createOutside(time: Time): Outside {
  const ledger: Ledger = { charges: new Map(), refunds: new Map(), parcels: new Map(), accepted: new Map(), told: [] }
  return {
    ledger,
    gateway: openSimulatedGateway({ path: ':memory:', now: time.now }),
    carrier: openSimulatedCarrier(),
    sender: {
      provider: 'simulated',
      async send({ notificationId, channel, address }) {
        if (address === REFUSED_ADDRESS) throw new PermanentError('refused', 'no such mailbox', { isOutside: true })
        const key = `${notificationId}.${channel}`
        ledger.told.push({ notificationId, channel })
        ledger.accepted.set(key, (ledger.accepted.get(key) ?? 0) + 1)
        return key
      },
      close: () => undefined,
    },
  }
}

interface Surroundings {
  faults: Faults
  tally: Tally
  witness: Witness
  /** Whether notification-service has committed that a channel's message is sent. */
  isRecorded(notificationId: string, channel: string): boolean
}

/** What a process sees of it. */
export type Reach = Pick<Outside, 'gateway' | 'carrier' | 'sender'>

export function reachOutside(outside: Outside, process: Process, surroundings: Surroundings): Reach {
  const { gateway, carrier, sender, ledger } = outside
  const { faults, tally, witness, isRecorded } = surroundings

  /** The way there, what is done there, and the way back: each of them may be the process's last. */
  async function call<T>(effect: () => Promise<T>): Promise<T> {
    tally.add('calls')
    const fault = faults.callFault()
    if (fault) tally.add('call faults')
    await process.wait('call')
    if (fault === 'fails') throw new TransientError('unavailable', 'the other side answers 503', { isOutside: true })
    const answer = await effect()
    // Done, and nobody hears of it before the caller has given up.
    if (fault === 'hangs') await new Promise(() => undefined)
    await process.wait('called')
    return answer
  }

  const seen = (book: Map<string, Set<string>>, key: string, id: string) =>
    book.set(key, (book.get(key) ?? new Set()).add(id))

  return {
    gateway: {
      ...gateway,
      charge: (request, signal) =>
        call(async () => {
          const settlement = await gateway.charge(request, signal)
          if (settlement.outcome === 'charged') seen(ledger.charges, request.key, settlement.chargeId)
          return settlement
        }),
      void: (key) => call(() => gateway.void(key)),
      refund: (request) =>
        call(async () => {
          const answer = await gateway.refund(request)
          if (answer.outcome === 'refunded') seen(ledger.refunds, request.refundKey, answer.refundId)
          return answer
        }),
    },
    carrier: {
      book: (request, signal) =>
        call(async () => {
          const booking = await carrier.book(request, signal)
          if (booking.outcome === 'booked') seen(ledger.parcels, request.key, booking.trackingId)
          return booking
        }),
    },
    sender: {
      ...sender,
      send: (outgoing, signal) =>
        call(async () => {
          const id = await sender.send(outgoing, signal)
          const { notificationId, channel } = outgoing
          witness.accepted(process, { notificationId, channel, isRecorded: () => isRecorded(notificationId, channel) })
          return id
        }),
    },
  }
}
