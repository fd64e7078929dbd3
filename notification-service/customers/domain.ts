// A customer: addresses, language and time zone.
import type { Contact } from '@orders/shared/contracts'

export interface Customer {
  id: string
  addresses: Omit<Contact, 'locale'>
  locale: string | null
  /** An IANA name, such as Europe/Vienna. */
  timeZone: string | null
  updatedAt: string
}

/**
 * Whether it is a name of the IANA time zone database. Offsets such as `+01:00` have no summer time, and not every
 * version of Node accepts them.
 */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined
  } catch {
    return false
  }
}
