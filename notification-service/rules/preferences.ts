// Customers' preferences: which categories they receive on which channel, what is gathered, and their quiet hours.
import { createHash } from 'node:crypto'
import { type Channel, canonicalUser, channels } from '@orders/shared/contracts'
import { sameAddress } from '../domain.ts'

/** The service's own settings apply to everything that is missing. */
export interface Preferences {
  /** `22:00-08:00`. Null for none, even if the service has its own. */
  quietHours?: string | null | undefined
  /** IANA time zone in which `quietHours` are read. */
  timeZone?: string | undefined
  categories: Record<string, CategoryPreferences>
  /** When they were saved. Missing if none are stored. */
  updatedAt?: string
}

/** `false` for a channel: nothing of this category on it. */
export type CategoryPreferences = Partial<Record<Channel | 'digest', boolean | undefined>>

export const noPreferences: Preferences = { categories: {} }

/**
 * Whether the customer opted out of it on this channel. A transactional message always keeps one channel: if all its
 * channels are off, it is sent on the first of them.
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

/** Transactional categories for which every channel is off. A customer may not decide that. */
export function silenced({ categories }: Preferences, isTransactional: (category: string) => boolean): string[] {
  return Object.keys(categories).filter(
    (category) => isTransactional(category) && channels.every((channel) => categories[category]?.[channel] === false),
  )
}

export function withoutMailOf(preferences: Preferences, category: string): Preferences {
  const { categories } = preferences
  return { ...preferences, categories: { ...categories, [category]: { ...categories[category], email: false } } }
}

/** What a client reads and sends back to replace them. */
export function documentOf({ quietHours, timeZone, categories }: Preferences): Omit<Preferences, 'updatedAt'> {
  return { quietHours, timeZone, categories }
}

/** Combines preferences: what any of them opts out of is off. For all else, the first one that decides counts. */
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

/** The key of preferences: the customer's, or the address's if no customer is known. */
export function recipientOf(customerId: string | null, channel: Channel, address: string): string {
  return customerId === null ? addressKey(channel, address) : customerKey(customerId)
}

/** The same for every spelling of the id. */
export function customerKey(customerId: string): string {
  return spelledKey(canonicalUser(customerId))
}

/**
 * For one exact spelling, as earlier versions stored it. The unsubscribe link contains this key, in a header line of at
 * most 998 octets (RFC 5322). So a very long id is replaced by its hash.
 */
export function spelledKey(customerId: string): string {
  const isLong = Buffer.byteLength(customerId) > 200
  return `customer ${isLong ? createHash('sha256').update(customerId).digest('hex') : customerId}`
}

/** Undefined for the key of an address. For a customer with a very long id it is the hash. */
export function customerIdIn(recipient: string): string | undefined {
  return recipient.startsWith('customer ') ? recipient.slice('customer '.length) : undefined
}

/** Links in mails of earlier versions name the customer as the order spelled it. */
export function canonicalRecipient(recipient: string): string {
  const customerId = customerIdIn(recipient)
  return customerId === undefined ? recipient : customerKey(customerId)
}

/** A hash, so that the address is not stored in one more place. */
export function addressKey(channel: Channel, address: string): string {
  return keyOfText(`${channel} ${sameAddress(channel, address)}`)
}

/** `text` consists of the channel and the address, in the form in which the caller compares addresses. */
export function keyOfText(text: string): string {
  return `address ${createHash('sha256').update(text).digest('hex').slice(0, 32)}`
}
