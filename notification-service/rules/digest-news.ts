// Updates a digest just before it is sent. A digest may wait after it was made. Meanwhile one of its messages may have
// become untrue, or be older than news that was sent already. Such messages are removed.
import type { Channel } from '@orders/shared/contracts'
import type { AskContext } from '@orders/shared/messaging'
import { type Data, isData, type Words } from '../content.ts'
import type { Notification } from '../domain.ts'
import { tellings } from '../store.ts'
import { supersededBy } from '../timelines/domain.ts'
import { timelines } from '../timelines/store.ts'
import { DIGEST } from './digest.ts'
import type { Terms } from './settings.ts'

/** A message that is removed from a digest, and the notification that made it obsolete. */
export interface Dropped {
  id: string
  by: string
}

interface DigestNews {
  words: Words
  /** The remaining members, for claiming the call. */
  about: Pick<Notification, 'id' | 'orderId' | 'eventType'>[]
  dropped: Dropped[]
}

/**
 * The ids of a digest's members. Empty for other notifications, and for digests of earlier versions, which did not
 * store the ids.
 */
export function saidBy(notification: Pick<Notification, 'eventType' | 'words'>): string[] {
  // Other notifications' words are not read: they are long, and are parsed on first use.
  return notification.eventType === DIGEST
    ? itemsIn(notification.words.data).flatMap(({ notificationId: id }) => (typeof id === 'string' ? id : []))
    : []
}

/** Undefined if the notification is no digest. */
export async function digestNewsOf(
  notification: Notification,
  channel: Channel,
  { course }: Terms,
  { read }: Pick<AskContext, 'read'>,
): Promise<DigestNews | undefined> {
  const ids = saidBy(notification)
  if (ids.length === 0) return undefined
  const known = await Promise.all(ids.map((id) => read(tellings, id)))
  const asking = { channel, isLate: false, digestId: notification.id }
  const members = known.flatMap((telling) => telling?.notification ?? [])
  const verdicts = await Promise.all(
    members.map(async (member) => {
      const timeline = member.orderId === null ? [] : ((await read(timelines, member.orderId)) ?? [])
      return { member, by: supersededBy(course, timeline, member.eventType, asking) }
    }),
  )
  const dropped = verdicts.flatMap(({ member, by }) => (by === undefined ? [] : [{ id: member.id, by }]))
  const about = verdicts.flatMap(({ member: { id, orderId, eventType }, by }) =>
    by === undefined ? [{ id, orderId, eventType }] : [],
  )
  return { words: wordsWithout(notification.words, new Set(dropped.map(({ id }) => id))), about, dropped }
}

function wordsWithout(words: Words, dropped: ReadonlySet<unknown>): Words {
  if (dropped.size === 0) return words
  const items = itemsIn(words.data).filter(({ notificationId }) => !dropped.has(notificationId))
  const [first = { title: '' }] = items
  return {
    ...words,
    data: { ...words.data, items, count: items.length, more: Math.max(0, items.length - 1), first: first.title },
  }
}

function itemsIn({ items }: Data): Data[] {
  return Array.isArray(items) ? items.filter(isData) : []
}
