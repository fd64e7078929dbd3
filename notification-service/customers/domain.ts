// What is known of a customer: where and in which language they are told, and what time it is there.
import type { Contact } from '@orders/shared/contracts'

export interface Customer {
  id: string
  addresses: Omit<Contact, 'locale'>
  locale: string | null
  /** An IANA name, such as Europe/Vienna. */
  timeZone: string | null
  updatedAt: string
}
