// What became of what the customer was told, by notification and channel. The furthest that was heard stands, in whatever
// order it comes.
import type { Channel } from '@orders/shared/contracts'

/** From the least that can be known of a notification to the last word about it. */
const steps = [
  'held',
  'failed',
  'expired',
  'cancelled',
  'opted_out',
  'digested',
  'sent',
  'undelivered',
  'delivered',
] as const
export type NoticeStatus = (typeof steps)[number]

export interface Notice {
  /** The order and the news it is about: `123.order.paid`. */
  notificationId: string
  channel: Channel
  status: NoticeStatus
  reason: string | null
  /** When a held one is looked at again, by the latest that was heard of it. */
  until: string | null
  at: string
}

/** A failure may be followed by success: somebody sent the dead letter again. */
export function furthest(known: Notice | undefined, heard: Notice): Notice {
  if (!known) return heard
  const ahead = steps.indexOf(heard.status) - steps.indexOf(known.status)
  return ahead > 0 || (ahead === 0 && isNews(known, heard)) ? heard : known
}

/** Something happened when it was first said, but what is held twice is held for as long as was said last. */
function isNews(known: Notice, heard: Notice): boolean {
  return heard.status === 'held' ? lastSaid(heard) > lastSaid(known) : heard.at < known.at
}

const lastSaid = ({ at, until, reason }: Notice) => `${at} ${until} ${reason}`
