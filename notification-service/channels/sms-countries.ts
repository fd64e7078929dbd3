// Limits SMS to listed countries. SMS cost money, in some countries a lot, and a stranger who names numbers in orders
// may earn a share of it.
import { PermanentError } from '@orders/shared/runtime'
import type { Sender } from './sender.ts'

/**
 * Refuses, before any call, a number that begins with none of the calling codes. Without a list, all numbers are
 * allowed.
 */
export function servingCountries(sender: Sender, smsCountries: string | undefined): Sender {
  if (smsCountries === undefined) return sender
  const codes = smsCountries.split(',')
  return {
    ...sender,
    async send(outgoing, signal) {
      const number = outgoing.address.replace(/[\s()-]/g, '')
      if (!codes.some((code) => number.startsWith(code)))
        throw new PermanentError('country_not_served', 'SMS_COUNTRIES does not allow the country of this number')
      return sender.send(outgoing, signal)
    },
  }
}
