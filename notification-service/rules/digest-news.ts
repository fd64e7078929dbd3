// A digest says what was true when it was made, and may wait afterwards: what is not true any more, or would be read after what it
// came before, is taken out of it as it goes.
import type { Channel } from '@orders/shared/contracts'
import type { AskContext } from '@orders/shared/messaging'
import { type Data, isData, type Words } from '../content.ts'
import type { Notification } from '../domain.ts'
import { tellings } from '../store.ts'
import { supersededBy } from '../timelines/domain.ts'
import { timelines } from '../timelines/store.ts'
import { DIGEST } from './digest.ts'
import type { Terms } from './settings.ts'

/** A piece of news in a digest that is needless, and what has made it so. */
export interface Dropped {
  id: string
  by: string
}

interface DigestNews {
  words: Words
  /** What is left, for whoever claims the call. */
  about: Pick<Notification, 'id' | 'orderId' | 'eventType'>[]
  dropped: Dropped[]
}

/** The notifications that a digest says; none of one by an earlier version, and of anything else. */
export function saidBy(notification: Pick<Notification, 'eventType' | 'words'>): string[] {
  // Of others the words are left unread, which are long.
  return notification.eventType === DIGEST
    ? itemsIn(notification.words.data).flatMap(({ notificationId: id }) => (typeof id === 'string' ? id : []))
    : []
}

/** Undefined for what is no digest. */
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
