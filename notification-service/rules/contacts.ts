// Limits the addresses that orders name. A shop that sends to any address that an order names can be abused to relay a
// stranger's mails. So there are hourly limits on the addresses that one customer may name, and on the orders that may
// name one address.
import { type Channel, isEmail } from '@orders/shared/contracts'
import { defaultAddress } from '../addresses.ts'
import type { Customer } from '../customers/domain.ts'
import { type Addresses, channelsOf, type Heading, reachableBy, sameAddress } from '../domain.ts'

/** 0: no limit. */
export interface ContactSettings {
  addressesPerCustomer: number
  ordersPerAddress: number
  /** Domain of made-up addresses. Undefined if none are made up. */
  defaultEmailDomain: string | undefined
}

/** The names of the last hour, and when each was first named in it, in milliseconds since 1970. */
export type Named = Readonly<Record<string, number>>

const HOUR_MS = 3_600_000

/**
 * The channels whose address was typed into the order and is not known as the customer's own. Spelling does not matter.
 */
export function foreignIn(heading: Heading, customer: Customer | undefined, settings: ContactSettings): Channel[] {
  const { orderId, customerId, addresses } = heading
  if (orderId === null || customerId === null) return []
  if (settings.addressesPerCustomer === 0 && settings.ordersPerAddress === 0) return []
  const own = [reachableBy(customer?.addresses ?? {}), { email: madeUpFor(customerId, settings) }]
  const known = new Set(own.flatMap((one) => channelsOf({ addresses: one }).map((channel) => keyIn(one, channel))))
  return channelsOf(heading).filter((channel) => !known.has(keyIn(addresses, channel)))
}

const keyIn = (addresses: Addresses, channel: Channel) => `${channel} ${sameAddress(channel, addresses[channel] ?? '')}`

/** Undefined if the user's name is itself an address: then it was typed, not made up. */
function madeUpFor(user: string, { defaultEmailDomain: domain }: ContactSettings): string | undefined {
  return domain === undefined || isEmail(user) ? undefined : defaultAddress(user, domain)
}

/**
 * When `name` may be named: now if it is known or there is room, else when the oldest name that takes up the room is an
 * hour old.
 */
export function roomFor(name: string, named: Named, max: number, nowMs: number): number {
  const recent = within(named, nowMs)
  if (max === 0 || Object.hasOwn(recent, name)) return nowMs
  const times = Object.values(recent).sort((one, other) => one - other)
  return times.length < max ? nowMs : (times[times.length - max] ?? nowMs) + HOUR_MS
}

/** A known name keeps its time, so that each makes room an hour after it came. */
export function withName(name: string, named: Named, max: number, nowMs: number): Named {
  // Without a limit nothing is stored, so a list never exceeds its limit.
  if (max === 0) return named
  const recent = within(named, nowMs)
  return Object.hasOwn(recent, name) ? named : { ...recent, [name]: nowMs }
}

/** The absolute value: after a clock was set back, entries from the future must not block anybody. */
function within(named: Named, nowMs: number): Record<string, number> {
  return Object.fromEntries(Object.entries(named).filter(([, atMs]) => Math.abs(nowMs - atMs) < HOUR_MS))
}
