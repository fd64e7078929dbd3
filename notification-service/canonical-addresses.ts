// The canonical form in which addresses are stored, compared and used. So two ways to write a mailbox, number or URL
// are one address everywhere.
import type { Channel, Contact } from '@orders/shared/contracts'
import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js/min'
import { canonicalEmail, visible } from './addresses.ts'
import { canonicalPush, canonicalUrl } from './web-addresses.ts'

/**
 * ISO 3166 code of the country for numbers without a country code. Undefined: such numbers only lose their separators.
 */
export type PhoneCountry = string | undefined

type Named = Omit<Contact, 'locale'>

/** The contact with each address in canonical form. */
export function canonicalContact<C extends Named>(contact: C, country: PhoneCountry): C {
  const { email, phone, push, webhook } = contact
  return {
    ...contact,
    ...(email !== undefined && { email: canonicalEmail(email) }),
    ...(phone !== undefined && { phone: canonicalPhone(phone, country) }),
    ...(push !== undefined && { push: canonicalPush(visible(push)) }),
    ...(webhook !== undefined && { webhook: canonicalUrl(visible(webhook)) }),
  }
}

export function canonicalAddress(channel: Channel, address: string, country: PhoneCountry): string {
  if (channel === 'email') return canonicalEmail(address)
  if (channel === 'sms') return canonicalPhone(address, country)
  return channel === 'push' ? canonicalPush(visible(address)) : canonicalUrl(visible(address))
}

/** For an address whose channel is not given. */
export function canonicalText(text: string, country: PhoneCountry): string {
  const address = visible(text)
  if (/^\S+@[^\s@/]+$/.test(address) && !address.includes('://')) return canonicalEmail(address)
  // A webhook's URL has the same canonical form as a push endpoint.
  return LIKE_A_NUMBER.test(address) ? canonicalPhone(address, country) : canonicalPush(address)
}

const LIKE_A_NUMBER = /^\+?[0-9 ()./-]{3,30}$/

/** E.164, if the number can be parsed. */
function canonicalPhone(text: string, country: PhoneCountry): string {
  const number = visible(text)
  // The cast is safe: the setting has two letters, and the library treats an unknown country as none.
  const parsed = parsePhoneNumberFromString(number, country as CountryCode | undefined)
  return parsed?.number ?? (LIKE_A_NUMBER.test(number) ? number.replace(/[\s()./-]/g, '') : number)
}
