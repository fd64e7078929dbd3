// Beside every stop of an order: what happened becomes words for the customer, and each channel takes them outside.
import {
  type Channel,
  type Contract,
  NotificationRequested,
  OrderCancelled,
  OrderCompleted,
  OrderCreated,
  OrderPaid,
  OrderShipped,
  PaymentConfirmationRequired,
} from '@orders/shared/contracts'
import { type Done, type Handler, on } from '@orders/shared/messaging'
import { PermanentError, RejectedError } from '@orders/shared/runtime'
import type { Sql } from '@orders/shared/storage'
import { AddressGoneError, type Send, type Sending } from './channels/sender.ts'
import { removeCall, saveSuppression, suppressionOf } from './channels/store.ts'
import type { Style, Told } from './content.ts'
import {
  accepted,
  type DirectRequest,
  directNotification,
  fingerprintOf,
  type NewsStyle,
  type Notification,
  notificationOf,
  refused,
  requested,
  type Suppression,
} from './domain.ts'
import type { Templates } from './rendering/templates.ts'
import {
  deliveryOf,
  findNotification,
  outgoingOf,
  requestOfKey,
  saveAttempt,
  saveChange,
  saveKey,
  saveNotification,
} from './store.ts'
import type { NewsType } from './templates/schemas.ts'

export function newsHandlers(style: NewsStyle): Handler[] {
  return [
    news(OrderCreated, 'order.created', style),
    news(OrderPaid, 'order.paid', style),
    news(OrderShipped, 'order.shipped', style),
    news(OrderCompleted, 'order.completed', style),
    news(OrderCancelled, 'order.cancelled', style),
    news(PaymentConfirmationRequired, 'payment.confirmation_required', style),
  ]
}

function news<Data extends Told>(contract: Contract<Data>, type: NewsType, style: NewsStyle): Handler {
  return on(contract, async ({ subject: orderId, data }, tx, { now }) => {
    const notification = notificationOf({ type, orderId, told: data }, style, now)
    const isNew = await saveNotification(tx, notification)
    return isNew ? [requested(notification)] : []
  })
}

/**
 * Sends what a channel's queue asks for, unless it was sent already: a redelivery or a replayed dead letter sends
 * nothing. Nor does what is for a suppressed address: that is a failure everybody may know of, and no dead letter.
 */
export function channelHandler(channel: Channel, send: Send, templates: Templates): Handler {
  return on(NotificationRequested, {
    async ask({ data }, context): Promise<Sending | Suppression | undefined> {
      const unrendered = await outgoingOf(context.sql, data.notificationId, channel)
      if (!unrendered) throw new PermanentError('no_such_notification', `no ${channel} for ${data.notificationId}`)
      const { words, status, ...outgoing } = unrendered
      if (status === 'sent') return undefined
      const suppression = await suppressionOf(context.sql, channel, outgoing.address)
      return suppression ?? send({ ...outgoing, content: await templates.render(words) }, context)
    },
    async handle({ data: { notificationId } }, tx, { now: at, attempt }, answer) {
      const delivery = await deliveryOf(tx, notificationId, channel)
      if (!answer || !delivery) return []
      if ('reason' in answer) {
        const { change, messages } = refused(delivery, `suppressed: ${answer.reason}`, at)
        await saveChange(tx, delivery, change, at)
        return messages
      }
      const { change, messages } = accepted(delivery, answer, at)
      const { provider, durationMs } = answer
      await saveAttempt(tx, { notificationId, channel, attempt, at, provider, error: null, durationMs }, change)
      await removeCall(tx, delivery)
      return messages
    },
    async giveUp({ data: { notificationId } }, tx, { now: at }, { error, reason }) {
      const delivery = await deliveryOf(tx, notificationId, channel)
      if (!delivery) return []
      const outgoing = error instanceof AddressGoneError ? await outgoingOf(tx, notificationId, channel) : undefined
      if (outgoing) await saveSuppression(tx, { channel, address: outgoing.address, reason, notificationId, at })
      const { change, messages } = refused(delivery, reason, at)
      await saveChange(tx, delivery, change, at)
      return messages
    },
    keepDeadLetter: true,
  })
}

interface Submission {
  id: string
  /** The `Idempotency-Key` header (IETF draft "The Idempotency-Key HTTP Header Field"). */
  key: string | undefined
  request: DirectRequest
  style: Style
  at: string
}

/**
 * The first request is sent; every repeat with its key gets the same answer.
 *
 * @throws RejectedError 422 `idempotency_key_reused` when the repeat asks for something else.
 */
export async function submitDirect(tx: Sql, { id, key, request, style, at }: Submission): Promise<Done<Notification>> {
  const fingerprint = fingerprintOf(request)
  const earlier = key === undefined ? undefined : await requestOfKey(tx, key)
  if (earlier && earlier.fingerprint !== fingerprint)
    throw new RejectedError(422, 'idempotency_key_reused', 'this Idempotency-Key came with another notification before')
  const known = earlier && (await findNotification(tx, earlier.notificationId))
  if (known) return { result: known, messages: [] }
  const notification = directNotification(id, request, style, at)
  await saveNotification(tx, notification)
  if (key !== undefined) await saveKey(tx, key, id, fingerprint)
  return { result: notification, messages: [requested(notification)] }
}
