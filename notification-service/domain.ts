// What a notification is: what somebody is to be told, and where.
import { type Channel, type Contact, channels } from '@orders/shared/contracts'
import type { Words } from './content.ts'
import { endpointOf } from './web-addresses.ts'

export type Addresses = Partial<Record<Channel, string>>

export interface Notification {
  id: string
  /** The order's id; of a notification about no order, its own. */
  subject: string
  orderId: string | null
  /** `order.paid`, or `direct` for what a person sends over HTTP. */
  eventType: string
  category: string
  /** AMQP priority of its delivery. */
  priority: number
  addresses: Addresses
  words: Words
  createdAt: string
  /** Whom it is for, where that is known: an order's user, or whom a request named. */
  customerId: string | null
  /** By whose key what it says is encrypted; missing for whoever has none. */
  ownerId?: string
  /** Whom it was for is forgotten: its addresses are empty, and its words are gone. */
  isForgotten?: true
  /** Not said before. */
  sendAt: string | null
  /** Not said from then on. */
  expiresAt: string | null
}

/** What a notification is about and for whom, before anything is said. */
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

/** PostgreSQL keeps no U+0000, and no address has one. */
export function withoutNul(text: string): string {
  return text.replaceAll('\u0000', '')
}

/** What tells addresses apart: mailboxes differ in case only on paper, and a subscription is its endpoint. */
export function sameAddress(channel: Channel, address: string): string {
  if (channel === 'email') return address.toLowerCase()
  return channel === 'push' ? endpointOf(address) : address
}

export function channelsOf({ addresses }: Pick<Notification, 'addresses'>): Channel[] {
  return channels.filter((channel) => addresses[channel] !== undefined)
}

/** Whether what goes to an address by a channel reaches anybody; else a stand-in takes it. */
export type Reaches = (channel: Channel, address: string) => boolean
