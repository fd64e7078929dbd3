// Whose preferences a channel of a notification follows: those of its customer, or, if it names none, of the customers
// who own the address. Those of the address always apply too. So a mailbox that opted out under one name is opted out
// under every other.
import type { Channel } from '@orders/shared/contracts'
import { mailboxKey } from '../customers/store.ts'
import type { Heading } from '../domain.ts'
import { addressKey, customerKey } from './preferences.ts'

/** The key by which `owners` knows the address. */
export const mailboxIn = ({ addresses }: Pick<Heading, 'addresses'>, channel: Channel) =>
  mailboxKey(channel, addresses[channel] ?? '')

/** `found`: the customers who own the address. */
export function customersOf({ customerId }: Pick<Heading, 'customerId'>, found: readonly string[] = []) {
  return customerId === null ? found : [customerId]
}

/** The keys of their preferences. The address comes last. */
export function decidersOf(
  heading: Pick<Heading, 'customerId' | 'addresses'>,
  channel: Channel,
  found: readonly string[] | undefined,
): string[] {
  return [...customersOf(heading, found).map(customerKey), addressKey(channel, heading.addresses[channel] ?? '')]
}
