// SMS cost money, some countries' much, and who names the numbers of an order may share in it: so they go to listed ones only.
import { PermanentError } from '@orders/shared/runtime'
import type { Sender } from './sender.ts'

/** Refuses before any call what does not begin with one of the calling codes; all are served where there is no list. */
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
