// Finds out which events are about a given customer. The names are compared here and shown to nobody.
import type { Wiring } from '@orders/shared/runtime'
import { textIn } from '../fields.ts'
import type { Envelope } from './masked.ts'

/**
 * One result for each event. Compares the whole name, in upper or lower case, or the pseudonym. A part of a name never matches,
 * so that nobody can find out a name letter by letter.
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
