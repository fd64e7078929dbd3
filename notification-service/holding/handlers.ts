// The one way in for everything that is to be said, and the way on for what was held: plan, keep, ask the channels.
import type { Channel, Message } from '@orders/shared/contracts'
import type { Done } from '@orders/shared/messaging'
import type { Sql } from '@orders/shared/storage'
import { ended } from '../deliveries/domain.ts'
import { deliveryOf, saveChange } from '../deliveries/store.ts'
import { channelsOf, type Notification } from '../domain.ts'
import { findNotification, saveNotification } from '../store.ts'
import { type PlanContext, type Planned, plan, requested } from './domain.ts'
import { dueChannelsOf, saveHold, saveReleased } from './store.ts'

/** Nothing is kept or said of what is known already. */
export async function takeIn(tx: Sql, notification: Notification, at: string): Promise<Message[]> {
  if (!(await saveNotification(tx, notification))) return []
  const context = await contextOf(tx, notification, at)
  return carryOut(tx, notification, plan(notification, channelsOf(notification), context), at)
}

/** Plans what is due of a notification anew. Nothing is due any more where another copy was first. */
export async function release(tx: Sql, notificationId: string, at: string): Promise<Done<void>> {
  const channels = await dueChannelsOf(tx, notificationId, at)
  const notification = channels.length === 0 ? undefined : await findNotification(tx, notificationId)
  if (!notification) return { result: undefined, messages: [] }
  const planned = plan(notification, channels, await contextOf(tx, notification, at))
  for (const channel of sentBy(planned)) await saveReleased(tx, notificationId, channel, at)
  return { result: undefined, messages: await carryOut(tx, notification, planned, at) }
}

/** Where what the rules want to know is loaded. */
async function contextOf(_: Sql, __: Notification, now: string): Promise<PlanContext> {
  return { now }
}

/** Keeps what is held and what has ended, and asks the channels for the rest: without a row, a delivery waits. */
async function carryOut(tx: Sql, notification: Notification, planned: Planned[], at: string): Promise<Message[]> {
  const messages: Message[] = []
  for (const { channel, step } of planned) {
    if (step.kind === 'hold') await saveHold(tx, notification.id, { channel, ...step }, at)
    if (step.kind === 'end') {
      const delivery = await deliveryOf(tx, notification.id, channel)
      const decision = delivery && ended(delivery, step.status, at)
      if (decision) await saveChange(tx, delivery, decision.change, at)
      messages.push(...(decision?.messages ?? []))
    }
  }
  const wanted = sentBy(planned)
  return wanted.length === 0 ? messages : [requested(notification, wanted, at), ...messages]
}

function sentBy(planned: Planned[]): Channel[] {
  return planned.filter(({ step }) => step.kind === 'send').map(({ channel }) => channel)
}
