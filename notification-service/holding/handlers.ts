// The one way in for everything that is to be said, and the way on for what was held: plan, keep, ask the channels.
import type { Channel, Message } from '@orders/shared/contracts'
import type { Done } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import type { Sql } from '@orders/shared/storage'
import { type Ended, ended, statusOf } from '../deliveries/domain.ts'
import { type DeliveryRow, deliveriesOf, deliveryOf, saveChange } from '../deliveries/store.ts'
import { channelsOf, type Notification } from '../domain.ts'
import { contextOf, countForAddress, type Open } from '../rules/context.ts'
import type { Terms } from '../rules/settings.ts'
import { findNotification, saveNotification } from '../store.ts'
import { gatherDue, joined } from './digests.ts'
import { held, type PlanContext, type Planned, plan, requested } from './domain.ts'
import { dueChannelsOf, saveHold, saveReleased } from './store.ts'

/** Nothing is kept or said of what is known already. */
export async function takeIn(tx: Sql, notification: Notification, at: string, { settings }: Terms): Promise<Message[]> {
  if (!(await saveNotification(tx, notification))) return []
  const open = channelsOf(notification).map((channel): Open => ({ channel }))
  const context = await contextOf(tx, notification, open, { now: at, settings })
  return carryOut(tx, notification, plan(notification, channelsOf(notification), context), context)
}

/** Plans what is due of a notification anew. Nothing is due any more where another copy was first. */
export async function release(tx: Sql, notificationId: string, at: string, terms: Terms): Promise<Done<void>> {
  const { notifications, messages } = await gatherDue(tx, notificationId, at, terms)
  for (const digest of notifications) messages.push(...(await takeIn(tx, digest, at, terms)))
  const due = await dueChannelsOf(tx, notificationId, at)
  const notification = due.length === 0 ? undefined : await findNotification(tx, notificationId)
  if (!notification) return { result: undefined, messages }
  const context = await contextOf(tx, notification, due, { now: at, settings: terms.settings })
  const planned = plan(
    notification,
    due.map(({ channel }) => channel),
    context,
  )
  for (const channel of sentBy(planned)) await saveReleased(tx, notificationId, channel, at)
  return { result: undefined, messages: [...messages, ...(await carryOut(tx, notification, planned, context))] }
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

/** Keeps what is held and what has ended, and asks the channels for the rest: without a row, a delivery waits. */
async function carryOut(
  tx: Sql,
  notification: Notification,
  planned: Planned[],
  context: PlanContext,
): Promise<Message[]> {
  const { now: at } = context
  const messages: Message[] = []
  for (const one of planned) {
    const { channel, step } = one
    await countForAddress(tx, notification, one, context)
    if (step.kind === 'hold') {
      const digest = step.reason === 'digest' ? await joined(tx, notification, channel, step.dueAt) : undefined
      const hold = { channel, ...step, ...digest }
      await saveHold(tx, notification.id, hold, at)
      messages.push(...held(notification, hold, at))
    }
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
  return (await saveChange(tx, delivery, change, at)) ? messages : []
}

function sentBy(planned: Planned[]): Channel[] {
  return planned.filter(({ step }) => step.kind === 'send').map(({ channel }) => channel)
}
