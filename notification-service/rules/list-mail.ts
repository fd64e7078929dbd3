// Checks non-transactional messages once more just before they are sent: whether the recipient still wants them, and
// how the recipient of a mail can unsubscribe.

import type { Channel } from '@orders/shared/contracts'
import type { AskContext } from '@orders/shared/messaging'
import { owners } from '../customers/store.ts'
import type { Notification } from '../domain.ts'
import { recipientOf, together } from './preferences.ts'
import type { Terms } from './settings.ts'
import { preferences } from './store.ts'
import { unsubscribeHeaders, unsubscribeLink } from './unsubscribe.ts'
import { decidersOf, mailboxIn } from './whose.ts'

interface ListMail {
  isOptedOut: boolean
  /** Of a mail: the link to unsubscribe, for its footer and headers. */
  link?: string | undefined
  headers: Record<string, string>
}

export async function listMailOf(
  notification: Notification,
  channel: Channel,
  { settings, unsubscribe }: Terms,
  { read }: Pick<AskContext, 'read'>,
): Promise<ListMail> {
  const { category, customerId, words, addresses } = notification
  if (settings.transactional.has(category)) return { isOptedOut: false, headers: {} }
  const recipient = recipientOf(customerId, channel, addresses[channel] ?? '')
  const found = customerId === null ? await read(owners, mailboxIn(notification, channel)) : undefined
  const deciders = decidersOf(notification, channel, found)
  const { categories } = together(...(await Promise.all(deciders.map((one) => read(preferences, one)))))
  const about = { recipient, category, locale: words.locale ?? undefined }
  const link = channel === 'email' ? unsubscribeLink(about, unsubscribe) : undefined
  return { isOptedOut: categories[category]?.[channel] === false, link, headers: unsubscribeHeaders(link) }
}
