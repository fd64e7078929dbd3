// The channel workers: each takes one channel's part of a notification outside, and keeps what came of it.
import { type Channel, NotificationRequested } from '@orders/shared/contracts'
import { type Handler, on } from '@orders/shared/messaging'
import { PermanentError } from '@orders/shared/runtime'
import type { Suppression } from '../channels/domain.ts'
import { AddressGoneError, type Send, type Sending } from '../channels/sender.ts'
import { removeCall, saveSuppression, suppressionOf } from '../channels/store.ts'
import { listMailOf } from '../rules/list-mail.ts'
import type { Terms } from '../rules/settings.ts'
import { accepted, type Decision, type Delivery, type Ended, ended, isOpen, refused } from './domain.ts'
import { deliveryOf, outgoingOf, saveAttempt, saveChange } from './store.ts'

/** What became of a request: taken by a provider, kept from it, or not to be sent at all. */
type Answer = Sending | Suppression | Ended | undefined

/**
 * Sends what a channel's queue asks for, unless it was sent or called off already: a redelivery or a replayed dead
 * letter sends nothing. Nor does what is for a suppressed address: that is a failure everybody may know of, and no dead
 * letter.
 */
export function channelHandler(channel: Channel, send: Send, terms: Terms): Handler {
  return on(NotificationRequested, {
    async ask({ data }, context): Promise<Answer> {
      const unrendered = await outgoingOf(context.sql, data.notificationId, channel)
      if (!unrendered) throw new PermanentError('no_such_notification', `no ${channel} for ${data.notificationId}`)
      const { words, status, expiresAt, category, customerId, ...outgoing } = unrendered
      if (!isOpen(status)) return undefined
      if (expiresAt !== null && expiresAt <= context.now) return 'expired'
      const about = { category, customerId, locale: words.locale, ...outgoing }
      const list = await listMailOf(context.sql, about, terms)
      if (list.isOptedOut) return 'opted_out'
      const suppression = await suppressionOf(context.sql, channel, outgoing.address)
      if (suppression) return suppression
      const content = await terms.templates.render(words, list.link)
      return send({ ...outgoing, headers: list.headers, content }, context)
    },
    async handle({ data: { notificationId } }, tx, { now: at, attempt }, answer) {
      const delivery = await deliveryOf(tx, notificationId, channel)
      if (!answer || !delivery) return []
      const { change, messages } = decisionOn(delivery, answer, at)
      if (typeof answer === 'string' || 'reason' in answer) await saveChange(tx, delivery, change, at)
      else {
        await saveAttempt(tx, { notificationId, channel, attempt, at, ...answer, error: null }, change)
        await removeCall(tx, delivery)
      }
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

function decisionOn(delivery: Delivery, answer: NonNullable<Answer>, at: string): Decision {
  if (typeof answer === 'string') return ended(delivery, answer, at)
  return 'reason' in answer ? refused(delivery, `suppressed: ${answer.reason}`, at) : accepted(delivery, answer, at)
}
