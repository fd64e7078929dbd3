// Gathers what waits for a digest: the first message opens a window, and at its end all that came become one, in one
// transaction. Removing the window's row is what makes one copy the only one that does it.
import type { Channel, Message } from '@orders/shared/contracts'
import type { Sql } from '@orders/shared/storage'
import { digested } from '../deliveries/domain.ts'
import { deliveryOf } from '../deliveries/store.ts'
import type { Notification } from '../domain.ts'
import { contextOf } from '../rules/context.ts'
import { digestIdOf, digestOf, inDigests, type Member } from '../rules/digest.ts'
import { recipientOf } from '../rules/preferences.ts'
import type { Terms } from '../rules/settings.ts'
import { closeDigest, joinDigest, membersOf, type OpenDigest, saveDigested } from '../rules/store.ts'
import { findNotification } from '../store.ts'
import { plan } from './domain.ts'
import { dueChannelsOf } from './store.ts'

/** Into the digest that is open, or into one that opens with this message and closes at `dueAt`. */
export async function joined(
  tx: Sql,
  notification: Notification,
  channel: Channel,
  dueAt: string,
): Promise<OpenDigest> {
  const { id, customerId, category, addresses } = notification
  const address = addresses[channel] ?? ''
  const about = { recipient: recipientOf(customerId, channel, address), channel, address, category }
  return joinDigest(tx, about, { digestId: digestIdOf(id, channel), dueAt })
}

interface Gathered {
  /** The digests, to be taken in as any other notification is. */
  notifications: Notification[]
  messages: Message[]
}

/** Closes the digests that this notification waits for, where they are due. */
export async function gatherDue(tx: Sql, notificationId: string, at: string, terms: Terms): Promise<Gathered> {
  const all: Gathered = { notifications: [], messages: [] }
  for (const { heldBecause, digestId } of await dueChannelsOf(tx, notificationId, at)) {
    const closed = heldBecause === 'digest' && digestId !== null ? await closeDigest(tx, digestId, at) : undefined
    if (!closed || digestId === null) continue
    const members = await wantedMembers(tx, digestId, closed.channel, at, terms)
    for (const [index, part] of inDigests(members).entries()) {
      const id = index === 0 ? digestId : `${digestId}.${index + 1}`
      const joining: Member[] = []
      for (const member of part) {
        const delivery = await deliveryOf(tx, member.notification.id, closed.channel)
        // Called off by another copy at this moment: then it is not in the digest.
        if (!delivery || !(await saveDigested(tx, delivery, id, at))) continue
        joining.push(member)
        all.messages.push(digested(delivery, id, at))
      }
      if (joining.length > 0) all.notifications.push(digestOf(id, closed, joining, terms.style, at))
    }
  }
  return all
}

/** Without what the rules end; that, and what is left alone, has its own release. */
async function wantedMembers(
  tx: Sql,
  digestId: string,
  channel: Channel,
  at: string,
  { settings, templates }: Terms,
): Promise<Member[]> {
  const members: Member[] = []
  for (const id of await membersOf(tx, digestId)) {
    const notification = await findNotification(tx, id)
    if (!notification) continue
    const context = await contextOf(tx, notification, [{ channel, digestId }], { now: at, settings })
    const [planned] = plan(notification, [channel], context)
    if (planned?.step.kind !== 'end') members.push({ notification, said: await templates.render(notification.words) })
  }
  return members
}
