// What customers decide for themselves: what they are told by which channel, what is gathered, and when they sleep.
import { createHash } from 'node:crypto'
import { type Channel, canonicalUser, channels } from '@orders/shared/contracts'
import { sameAddress } from '../domain.ts'

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

/** What somebody may have read of them, and says again who replaces them. */
export function documentOf({ quietHours, timeZone, categories }: Preferences): Omit<Preferences, 'updatedAt'> {
  return { quietHours, timeZone, categories }
}

/** What any of them does not want is not wanted; all else is as the first of them decides who does. */
export function together(...all: readonly (Preferences | undefined)[]): Preferences {
  return all.reduceRight<Preferences>((others, one) => (one ? joined(one, others) : others), noPreferences)
}

function joined(first: Preferences, second: Preferences): Preferences {
  const names = [...new Set([...Object.keys(first.categories), ...Object.keys(second.categories)])]
  const categories = names.map((name) => {
    const [one, other] = [first.categories[name] ?? {}, second.categories[name] ?? {}]
    const off = channels.filter((channel) => one[channel] === false || other[channel] === false)
    return [name, { ...other, ...one, ...Object.fromEntries(off.map((channel) => [channel, false])) }]
  })
  return {
    quietHours: first.quietHours === undefined ? second.quietHours : first.quietHours,
    timeZone: first.timeZone ?? second.timeZone,
    categories: Object.fromEntries(categories),
  }
}

/** Whose preferences these are: a customer's, or of an address that belongs to none known. */
export function recipientOf(customerId: string | null, channel: Channel, address: string): string {
  return customerId === null ? addressKey(channel, address) : customerKey(customerId)
}

/** However the customer is spelled. */
export function customerKey(customerId: string): string {
  return spelledKey(canonicalUser(customerId))
}

/**
 * Of one spelling, as earlier versions kept it. A link for unsubscribing holds it, in a header line of at most 998 octets
 * (RFC 5322): a very long id by its digest.
 */
export function spelledKey(customerId: string): string {
  const isLong = Buffer.byteLength(customerId) > 200
  return `customer ${isLong ? createHash('sha256').update(customerId).digest('hex') : customerId}`
}

/** Undefined for an address, and for a customer with a very long id. */
export function customerIdIn(recipient: string): string | undefined {
  return recipient.startsWith('customer ') ? recipient.slice('customer '.length) : undefined
}

/** Links in the mails of earlier versions name a customer as the order did. */
export function canonicalRecipient(recipient: string): string {
  const customerId = customerIdIn(recipient)
  return customerId === undefined ? recipient : customerKey(customerId)
}

/** By its digest, so that it stands in no further place. */
export function addressKey(channel: Channel, address: string): string {
  return keyOfText(`${channel} ${sameAddress(channel, address)}`)
}

/** Of a channel and an address, as whoever asks tells addresses apart. */
export function keyOfText(text: string): string {
  return `address ${createHash('sha256').update(text).digest('hex').slice(0, 32)}`
}
