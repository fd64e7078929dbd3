// The addresses that orders name: a shop that tells whatever address an order names whatever a stranger typed is a relay for their
// mails. So one customer may name so many different ones in an hour, and one address may be named by so many orders.
import type { Channel } from '@orders/shared/contracts'
import type { Customer } from '../customers/domain.ts'
import { channelsOf, defaultAddress, type Heading } from '../domain.ts'

/** 0: no limit. */
export interface ContactSettings {
  addressesPerCustomer: number
  ordersPerAddress: number
  defaultEmailDomain: string
}

/** What was named within the last hour, and when last, in milliseconds since 1970. */
export type Named = Readonly<Record<string, number>>

const HOUR_MS = 3_600_000

/** The addresses of an order's news that are nobody's whom we know. */
export function foreignIn(heading: Heading, customer: Customer | undefined, settings: ContactSettings): Channel[] {
  const { orderId, customerId, addresses } = heading
  if (orderId === null || customerId === null) return []
  if (settings.addressesPerCustomer === 0 && settings.ordersPerAddress === 0) return []
  const { email, phone, push, webhook } = customer?.addresses ?? {}
  const own = new Set([email, phone, push, webhook, defaultAddress(customerId, settings.defaultEmailDomain)])
  return channelsOf(heading).filter((channel) => !own.has(addresses[channel]))
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
