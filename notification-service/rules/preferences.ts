// What customers decide for themselves: what they are told by which channel, what is gathered, and when they sleep.
import { createHash } from 'node:crypto'
import { type Channel, channels } from '@orders/shared/contracts'

/** What is not said follows the service's own settings. */
export interface Preferences {
  /** `22:00-08:00`; null for none, whatever the service's own are. */
  quietHours?: string | null | undefined
  /** IANA; of the clock that `quietHours` are read from. */
  timeZone?: string | undefined
  categories: Record<string, CategoryPreferences>
  /** When they were saved; not for those of nobody. */
  updatedAt?: string
}

/** `false` for a channel: nothing of this category by it. */
export type CategoryPreferences = Partial<Record<Channel | 'digest', boolean | undefined>>

export const noPreferences: Preferences = { categories: {} }

/**
 * Whether the customer does not want it by this channel. A transactional message always has a way left: where all the
 * channels that it could go by are off, it goes by the first of them all the same.
 */
export function isOptedOut(
  { categories }: Preferences,
  about: { category: string; isTransactional: boolean; channels: readonly Channel[] },
  channel: Channel,
): boolean {
  const isOff = (one: Channel) => categories[about.category]?.[one] === false
  if (!isOff(channel)) return false
  return !(about.isTransactional && about.channels.every(isOff) && channel === about.channels[0])
}

/** Categories that no channel is left to, which is not for the customer to say of a transactional one. */
export function silenced({ categories }: Preferences, isTransactional: (category: string) => boolean): string[] {
  return Object.keys(categories).filter(
    (category) => isTransactional(category) && channels.every((channel) => categories[category]?.[channel] === false),
  )
}

export function withoutMailOf(preferences: Preferences, category: string): Preferences {
  const { categories } = preferences
  return { ...preferences, categories: { ...categories, [category]: { ...categories[category], email: false } } }
}

/** Whose preferences these are: a customer's, or of an address that belongs to none known. */
export function recipientOf(customerId: string | null, channel: Channel, address: string): string {
  return customerId === null ? addressKey(channel, address) : customerKey(customerId)
}

/** A link for unsubscribing holds it, in a header line of at most 998 octets (RFC 5322): a very long id by its digest. */
export function customerKey(customerId: string): string {
  const isLong = Buffer.byteLength(customerId) > 200
  return `customer ${isLong ? createHash('sha256').update(customerId).digest('hex') : customerId}`
}

/** Undefined for an address, and for a customer with a very long id. */
export function customerIdIn(recipient: string): string | undefined {
  return recipient.startsWith('customer ') ? recipient.slice('customer '.length) : undefined
}

/** By its digest, so that it stands in no further place. */
export function addressKey(channel: Channel, address: string): string {
  // As in `suppressions`: the same mailbox, however it is written.
  const same = channel === 'email' ? address.toLowerCase() : address
  return `address ${createHash('sha256').update(`${channel} ${same}`).digest('hex').slice(0, 32)}`
}
