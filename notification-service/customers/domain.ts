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

/** A name of the IANA time zone database. Offsets such as `+01:00` know no summer time, and not every Node takes them. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined
  } catch {
    return false
  }
}
