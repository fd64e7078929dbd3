// The addresses that orders name: a shop that tells whatever address an order names whatever a stranger typed is a relay for their
// mails. So one customer may name so many different ones in an hour, and one address may be named by so many orders.
import { type Channel, isEmail } from '@orders/shared/contracts'
import { defaultAddress } from '../addresses.ts'
import type { Customer } from '../customers/domain.ts'
import { type Addresses, channelsOf, type Heading, reachableBy, sameAddress } from '../domain.ts'

/** 0: no limit. */
export interface ContactSettings {
  addressesPerCustomer: number
  ordersPerAddress: number
  /** Of addresses that are made up; undefined where none is. */
  defaultEmailDomain: string | undefined
}

/** What was named within the last hour, and when last, in milliseconds since 1970. */
export type Named = Readonly<Record<string, number>>

const HOUR_MS = 3_600_000

/** The addresses of an order's news that somebody has typed and that are not known as the customer's own, however they are written. */
export function foreignIn(heading: Heading, customer: Customer | undefined, settings: ContactSettings): Channel[] {
  const { orderId, customerId, addresses } = heading
  if (orderId === null || customerId === null) return []
  if (settings.addressesPerCustomer === 0 && settings.ordersPerAddress === 0) return []
  const own = [reachableBy(customer?.addresses ?? {}), { email: madeUpFor(customerId, settings) }]
  const known = new Set(own.flatMap((one) => channelsOf({ addresses: one }).map((channel) => keyIn(one, channel))))
  return channelsOf(heading).filter((channel) => !known.has(keyIn(addresses, channel)))
}

const keyIn = (addresses: Addresses, channel: Channel) => `${channel} ${sameAddress(channel, addresses[channel] ?? '')}`

/** Where the name is an address itself, nobody has made it up: whoever ordered has typed it. */
function madeUpFor(user: string, { defaultEmailDomain: domain }: ContactSettings): string | undefined {
  return domain === undefined || isEmail(user) ? undefined : defaultAddress(user, domain)
}

/** When one more may be named: now, for what was named already, or when the one that is over has become old. */
export function roomFor(name: string, named: Named, max: number, nowMs: number): number {
  const recent = within(named, nowMs)
  if (max === 0 || Object.hasOwn(recent, name)) return nowMs
  const times = Object.values(recent).sort((one, other) => one - other)
  return times.length < max ? nowMs : (times[times.length - max] ?? nowMs) + HOUR_MS
}

/** What was named keeps its time, so that each leaves room an hour after it came. */
export function withName(name: string, named: Named, max: number, nowMs: number): Named {
  // What nobody counts is not kept either: so a list is never longer than its limit.
  if (max === 0) return named
  const recent = within(named, nowMs)
  return Object.hasOwn(recent, name) ? named : { ...recent, [name]: nowMs }
}

/** Of a clock that was set back nothing is left to wait for. */
function within(named: Named, nowMs: number): Record<string, number> {
  return Object.fromEntries(Object.entries(named).filter(([, atMs]) => Math.abs(nowMs - atMs) < HOUR_MS))
}
