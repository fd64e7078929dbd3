// The kernel's instants: where its promises are made good, by name, on Node's own diagnostics channels. A tracer may listen
// to them; the chaos run kills processes at them. To an instant nobody listens to, reaching it is one comparison.
import { type Channel, channel } from 'node:diagnostics_channel'

/** Each on the channel `orders:<instant>`; what is published is an empty object. */
export const instants = [
  /** The outside world has answered, and nothing of it is recorded. */
  'asked',
  /** A group's changes and messages are written, and not committed. */
  'before-commit',
  /** A group is committed, and neither published nor acked. */
  'after-commit',
  /** The broker has confirmed a message, and the outbox row does not know it. */
  'confirmed',
  /** A delivery's effects, or its failed copy, are safe, and it is not acked. */
  'before-ack',
  /** Rows that a dead process left in the outbox are being published. */
  'relay',
  /** A statement of a migration has run, and the migration is not committed. */
  'migration',
  /** A failed message is back in its queue, and the store does not know it. */
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
