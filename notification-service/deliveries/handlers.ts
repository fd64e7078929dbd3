// The channel workers: each takes one channel's part of a notification outside, and keeps what came of it.
import { type Channel, NotificationRequested } from '@orders/shared/contracts'
import { type AskContext, type Handler, onMany, owned, type Patience } from '@orders/shared/messaging'
import { PermanentError } from '@orders/shared/runtime'
import type { Suppression } from '../channels/domain.ts'
import { AddressGoneError, type Send, type Sending } from '../channels/sender.ts'
import { suppressionKey, suppressions } from '../channels/store.ts'
import { listMailOf } from '../rules/list-mail.ts'
import type { Terms } from '../rules/settings.ts'
import { tellings } from '../store.ts'
import {
  accepted,
  changed,
  type Decision,
  type Delivery,
  deliveryOf,
  ended,
  type Outgoing,
  refused,
  sent,
  standingOf,
  type Telling,
} from './domain.ts'
import { type Ended, isOpen } from './status.ts'

/** What became of a request: taken by a provider, kept from it, or not to be sent at all. */
type Answer = Sending | Suppression | Ended | undefined

/**
 * Sends what a channel's queue asks for, unless it was sent or called off already: a redelivery or a replayed dead
 * letter sends nothing. Nor does what is for a suppressed address: that is a failure everybody may know of, and no dead
 * letter.
 */
export function channelHandler(channel: Channel, send: Send, terms: Terms, patience: Patience): Handler {
  async function ask(notificationId: string, context: AskContext): Promise<Answer> {
    const telling = await context.read(tellings, notificationId)
    const address = telling?.notification.addresses[channel]
    if (!telling || address === undefined)
      throw new PermanentError('no_such_notification', `no ${channel} for ${notificationId}`)
    const { notification } = telling
    if (!isOpen(standingOf(telling, channel).status)) return undefined
    if (notification.expiresAt !== null && notification.expiresAt <= context.now) return 'expired'
    const [list, suppression] = await Promise.all([
      listMailOf(notification, channel, terms, context),
      context.read(suppressions, suppressionKey(channel, address)),
    ])
    if (list.isOptedOut) return 'opted_out'
    if (suppression) return suppression
    const content = await terms.templates.render(notification.words, list.link)
    return send({ ...outgoingOf(telling, channel, address), headers: list.headers, content }, context)
  }

  return onMany(NotificationRequested, {
    ask: ({ data }, context) => ask(data.notificationId, context),
    reads: ({ data }) => [owned(tellings, data.notificationId)],
    readsToGiveUp: ({ data: { notificationId } }, known) => {
      const address = known.get(tellings, notificationId)?.notification.addresses[channel]
      // In case that it takes nothing any more.
      const gone = address === undefined ? [] : [owned(suppressions, suppressionKey(channel, address))]
      return [owned(tellings, notificationId), ...gone]
    },
    decide({ data: { notificationId } }, draft, { now: at }, answer: Answer) {
      const telling = draft.get(tellings, notificationId)
      if (!answer || !telling) return []
      const { change, messages } = decisionOn(deliveryOf(telling, channel), answer, at)
      const isCall = typeof answer !== 'string' && 'durationMs' in answer
      draft.set(
        tellings,
        notificationId,
        isCall ? sent(telling, channel, answer, at) : changed(telling, channel, change, at),
      )
      return messages
    },
    giveUp({ data: { notificationId } }, draft, { now: at }, { error, reason }) {
      const telling = draft.get(tellings, notificationId)
      if (!telling) return []
      const address = telling.notification.addresses[channel]
      if (error instanceof AddressGoneError && address !== undefined) {
        const key = suppressionKey(channel, address)
        if (!draft.get(suppressions, key))
          draft.set(suppressions, key, { channel, address, reason, notificationId, at })
      }
      const { change, messages } = refused(deliveryOf(telling, channel), reason, at)
      draft.set(tellings, notificationId, changed(telling, channel, change, at))
      return messages
    },
    keepDeadLetter: true,
    patience,
  })
}

function outgoingOf(telling: Telling, channel: Channel, address: string): Omit<Outgoing, 'content'> {
  const { id: notificationId, eventType, orderId, createdAt } = telling.notification
  const { dueAt: heldUntil, call, generation } = standingOf(telling, channel)
  return { notificationId, eventType, orderId, channel, address, createdAt, heldUntil, call, generation }
}

function decisionOn(delivery: Delivery, answer: NonNullable<Answer>, at: string): Decision {
  if (typeof answer === 'string') return ended(delivery, answer, at)
  return 'reason' in answer ? refused(delivery, `suppressed: ${answer.reason}`, at) : accepted(delivery, answer, at)
}
