// Whether events are about a customer whom the asker can name: the name is compared here, and shown to nobody.
import type { Wiring } from '@orders/shared/runtime'
import { textIn } from '../fields.ts'
import type { Envelope } from './masked.ts'

/**
 * Of each event: by the whole name that the customer goes by in the shop, in whatever case, or by their pseudonym. A part of a name finds
 * nothing, so that names cannot be tried out letter by letter.
 */
export async function areAbout(
  show: Wiring<object>['show'],
  envelopes: readonly Envelope[],
  customer: string,
): Promise<boolean[]> {
  const wanted = nameOf(customer)
  const data = await show(envelopes)
  return data.map((one) => ['user', 'customerId'].some((field) => nameOf(textIn(one, field) ?? '') === wanted))
}

const nameOf = (text: string) => text.trim().toLowerCase()
