// What is not transactional is looked at once more when it is about to go: whether it is still wanted, and how a mail says
// that its recipient may unsubscribe.
import type { Channel } from '@orders/shared/contracts'
import type { Sql } from '@orders/shared/storage'
import { recipientOf } from './preferences.ts'
import type { Terms } from './settings.ts'
import { preferencesOf } from './store.ts'
import { unsubscribeHeaders, unsubscribeLink } from './unsubscribe.ts'

interface About {
  category: string
  customerId: string | null
  locale: string | null
  channel: Channel
  address: string
}

interface ListMail {
  isOptedOut: boolean
  /** Of a mail: what its recipient may unsubscribe by, in its footer and in its headers. */
  link?: string | undefined
  headers: Record<string, string>
}

export async function listMailOf(
  sql: Pick<Sql, 'all' | 'get'>,
  { category, customerId, locale, channel, address }: About,
  { settings, unsubscribe }: Terms,
): Promise<ListMail> {
  if (settings.transactional.has(category)) return { isOptedOut: false, headers: {} }
  const recipient = recipientOf(customerId, channel, address)
  const { categories } = await preferencesOf(sql, recipient)
  const isMail = channel === 'email'
  const link = isMail ? unsubscribeLink({ recipient, category, locale: locale ?? undefined }, unsubscribe) : undefined
  return { isOptedOut: categories[category]?.[channel] === false, link, headers: unsubscribeHeaders(link) }
}
