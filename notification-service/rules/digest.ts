// Builds a digest: several messages of one category to one recipient, as one message. The window decides which
// messages.
import { createHash } from 'node:crypto'
import { amqpPriority, type Channel } from '@orders/shared/contracts'
import { completed, type Style, wordsOf } from '../content.ts'
import type { Notification } from '../domain.ts'
import { digestTemplate } from '../templates/schemas.ts'

/** Event type of the digest's own notification, and name of its template. */
export const DIGEST = 'digest'

/** More than a mail should list. Further messages go into a further digest. */
export const DIGEST_MAX = 100

export interface Member {
  notification: Notification
  said: { subject: string; short: string }
}

/** The digest of the window that this message opens. A message opens at most one window. */
export function digestIdOf(notificationId: string, channel: Channel): string {
  const hash = createHash('sha256').update(`${notificationId} ${channel}`).digest('hex')
  return `${DIGEST}-${hash.slice(0, 32)}`
}

/** Lists the messages in the order in which they were taken in, in the language of the newest. */
export function digestOf(
  id: string,
  { channel, address }: { channel: Channel; address: string },
  members: readonly Member[],
  style: Style,
  at: string,
): Notification {
  const newest = members[members.length - 1]?.notification
  const { category = DIGEST, customerId = null, ownerId, words } = newest ?? {}
  const items = members.map(({ notification, said }) => itemOf(notification, said))
  const [first = { title: '' }] = items
  const data = completed(digestTemplate.data, {
    count: items.length,
    more: items.length - 1,
    first: first.title,
    items,
  })
  return {
    id,
    subject: id,
    orderId: null,
    eventType: DIGEST,
    category,
    priority: amqpPriority.standard,
    addresses: { [channel]: address },
    words: wordsOf(DIGEST, data, { locale: words?.locale ?? undefined, timeZone: words?.timeZone }, style),
    createdAt: at,
    customerId,
    ...(ownerId !== undefined && { ownerId }),
    sendAt: null,
    expiresAt: null,
  }
}

function itemOf({ id: notificationId, words, createdAt }: Notification, { subject, short }: Member['said']) {
  const { orderUrl } = words.data
  const text = short.startsWith(`${subject}: `) ? short.slice(subject.length + 2) : short
  return { notificationId, title: subject, text, at: createdAt, ...(typeof orderUrl === 'string' && { url: orderUrl }) }
}

/**
 * Splits members into digests of at most `DIGEST_MAX`. A last one that would be alone is left out and sent as itself.
 */
export function inDigests<T>(members: readonly T[]): T[][] {
  const parts = Array.from({ length: Math.ceil(members.length / DIGEST_MAX) }, (_, index) =>
    members.slice(index * DIGEST_MAX, (index + 1) * DIGEST_MAX),
  )
  return parts.filter(({ length }) => length > 1)
}
