// Named instants at which the kernel's promises are decided, on Node's diagnostics channels. A tracer may listen to them, and
// the chaos run kills processes at them. Without a listener, an instant costs one comparison.
import { type Channel, channel } from 'node:diagnostics_channel'

/** Each on the channel `orders:<instant>`, with an empty object. */
export const instants = [
  /** The outside system has answered, and the answer is not recorded. */
  'asked',
  /** A group's changes and messages are written and not committed. */
  'before-commit',
  /** A group is committed, and neither published nor acked. */
  'after-commit',
  /** The broker has confirmed a message, and its outbox row still exists. */
  'confirmed',
  /** A delivery's effects, or its dead letter, are safe, and it is not acked. */
  'before-ack',
  /** Rows that a dead process left in the outbox are being published. */
  'relay',
  /** A statement of a migration has run, and the migration is not committed. */
  'migration',
  /** A dead letter is back in its queue, and the database does not show it yet. */
  'replay',
] as const
export type Instant = (typeof instants)[number]

const channels = Object.fromEntries(instants.map((name) => [name, channel(`orders:${name}`)])) as Record<
  Instant,
  Channel
>

export function reached(instant: Instant): void {
  if (channels[instant].hasSubscribers) channels[instant].publish({})
}
