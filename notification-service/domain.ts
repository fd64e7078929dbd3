// A notification: what it says, to whom, and on which channels.
import { type Channel, type Contact, channels } from '@orders/shared/contracts'
import type { Words } from './content.ts'
import { endpointOf } from './web-addresses.ts'

export type Addresses = Partial<Record<Channel, string>>

export interface Notification {
  id: string
  /** The order's id, or the notification's own id if it is about no order. */
  subject: string
  orderId: string | null
  /** `order.paid`, or `direct` if it was sent over HTTP. */
  eventType: string
  category: string
  /** AMQP priority of its request. */
  priority: number
  addresses: Addresses
  words: Words
  createdAt: string
  /** The recipient, if known: the order's user, or the customer that the request named. */
  customerId: string | null
  /** The owner of the key that encrypts its content. Missing if it has no owner. */
  ownerId?: string
  /** The recipient is forgotten: the addresses are empty and the words are deleted. */
  isForgotten?: true
  /** Not sent before this time. */
  sendAt: string | null
  /** Not sent from this time on. */
  expiresAt: string | null
}

/** A notification without its words: enough to find what a decision about it reads. */
export type Heading = Omit<Notification, 'words'>

export function reachableBy({ email, phone, push, webhook }: Contact): Addresses {
  const addresses = { email, sms: phone, push, webhook }
  return Object.fromEntries(
    channels.flatMap((channel) => {
      const address = withoutNul(addresses[channel] ?? '')
      return address === '' ? [] : [[channel, address]]
    }),
  )
}

/** PostgreSQL cannot store U+0000, and no address contains it. */
export function withoutNul(text: string): string {
  return text.replaceAll('\u0000', '')
}

/**
 * The form in which addresses are compared. Mail servers ignore the case of mailboxes in practice. A push subscription
 * is identified by its endpoint.
 */
export function sameAddress(channel: Channel, address: string): string {
  if (channel === 'email') return address.toLowerCase()
  return channel === 'push' ? endpointOf(address) : address
}

export function channelsOf({ addresses }: Pick<Notification, 'addresses'>): Channel[] {
  return channels.filter((channel) => addresses[channel] !== undefined)
}

/** Whether a message to this address on this channel really leaves the service. Otherwise a stand-in accepts it. */
export type Reaches = (channel: Channel, address: string) => boolean
