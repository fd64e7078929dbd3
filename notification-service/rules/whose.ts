// Whose decisions a channel of a notification follows: those of the customer it is for, or, where it names none, of the customers whose
// address it is; and always those of the address. So a mailbox that took no for an answer by one name says no by every other.
import type { Channel } from '@orders/shared/contracts'
import { mailboxKey } from '../customers/store.ts'
import type { Heading } from '../domain.ts'
import { addressKey, customerKey } from './preferences.ts'

/** As `owners` knows it. */
export const mailboxIn = ({ addresses }: Pick<Heading, 'addresses'>, channel: Channel) =>
  mailboxKey(channel, addresses[channel] ?? '')

/** `found`: whose the address is. */
export function customersOf({ customerId }: Pick<Heading, 'customerId'>, found: readonly string[] = []) {
  return customerId === null ? found : [customerId]
}

/** By these are the decisions kept; the address comes last. */
export function decidersOf(
  heading: Pick<Heading, 'customerId' | 'addresses'>,
  channel: Channel,
  found: readonly string[] | undefined,
): string[] {
  return [...customersOf(heading, found).map(customerKey), addressKey(channel, heading.addresses[channel] ?? '')]
}
