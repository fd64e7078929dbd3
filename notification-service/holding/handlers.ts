// The one way in for everything that is to be said, and the way on for what was held: plan, keep, ask the channels.
import type { Channel, Message } from '@orders/shared/contracts'
import type { Done } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import type { Sql } from '@orders/shared/storage'
import { type Ended, ended, statusOf } from '../deliveries/domain.ts'
import { type DeliveryRow, deliveriesOf, deliveryOf, saveChange } from '../deliveries/store.ts'
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

/**
 * Calls off every channel that is held or waits. What is held is then never asked for; what was asked for already is
 * found called off by its channel, unless its provider is being called at this moment. Once more changes nothing.
 *
 * @throws RejectedError 409 `not_cancellable` when no channel is open and none was called off before.
 */
export async function cancel(tx: Sql, notification: Notification, at: string): Promise<Done<DeliveryRow[]>> {
  const before = await deliveriesOf(tx, notification)
  const open = before.filter(({ status }) => status === 'held' || status === 'waiting')
  if (open.length === 0 && !before.some(({ status }) => status === 'cancelled'))
    throw new RejectedError(409, 'not_cancellable', `it is ${statusOf(before)} already`)
  const messages: Message[] = []
  for (const { channel } of open) messages.push(...(await end(tx, notification.id, channel, 'cancelled', at)))
  return { result: await deliveriesOf(tx, notification), messages }
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
    if (step.kind === 'end') messages.push(...(await end(tx, notification.id, channel, step.status, at)))
  }
  const wanted = sentBy(planned)
  return wanted.length === 0 ? messages : [requested(notification, wanted, at), ...messages]
}

/** Ends one channel, unless it is sent or has ended already. */
export async function end(
  tx: Sql,
  notificationId: string,
  channel: Channel,
  status: Ended,
  at: string,
): Promise<Message[]> {
  const delivery = await deliveryOf(tx, notificationId, channel)
  if (!delivery) return []
  const { change, messages } = ended(delivery, status, at)
  await saveChange(tx, delivery, change, at)
  return messages
}

function sentBy(planned: Planned[]): Channel[] {
  return planned.filter(({ step }) => step.kind === 'send').map(({ channel }) => channel)
}
