// The one form in which addresses are kept, compared and sent to, whatever form they come in: two ways to write a mailbox, a number
// or a URL are one address everywhere.
import type { Channel, Contact } from '@orders/shared/contracts'
import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js/min'
import { canonicalEmail, visible } from './addresses.ts'
import { canonicalPush, canonicalUrl } from './web-addresses.ts'

/** ISO 3166; of the numbers that name no country. Undefined: of none, so they stay as they are. */
export type PhoneCountry = string | undefined

type Named = Omit<Contact, 'locale'>

/** Each of a contact's addresses in its one form. */
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

/** Of an address that is asked for without its channel. */
export function canonicalText(text: string, country: PhoneCountry): string {
  const address = visible(text)
  if (/^\S+@[^\s@/]+$/.test(address) && !address.includes('://')) return canonicalEmail(address)
  // As a push address is, so is any URL.
  return LIKE_A_NUMBER.test(address) ? canonicalPhone(address, country) : canonicalPush(address)
}

const LIKE_A_NUMBER = /^\+?[0-9 ()./-]{3,30}$/

/** E.164, where it can be told. */
function canonicalPhone(text: string, country: PhoneCountry): string {
  const number = visible(text)
  // The cast is the decoding edge: the configuration has two letters, and a country that nobody knows is none.
  const parsed = parsePhoneNumberFromString(number, country as CountryCode | undefined)
  return parsed?.number ?? (LIKE_A_NUMBER.test(number) ? number.replace(/[\s()./-]/g, '') : number)
}
