// The handlers of the channels: each sends one channel's part of a notification and stores the outcome.
import { type Channel, NotificationRequested } from '@orders/shared/contracts'
import { type AskContext, type Handler, onMany, owned, type Patience } from '@orders/shared/messaging'
import { PermanentError } from '@orders/shared/runtime'
import { withoutAddresses } from './channels/address-in-text.ts'
import { SupersededError } from './channels/calls.ts'
import type { Suppression } from './channels/domain.ts'
import { AddressGoneError, type Send, type Sending } from './channels/sender.ts'
import { suppressionKey, suppressions } from './channels/store.ts'
import {
  accepted,
  changed,
  type Decision,
  type Delivery,
  deliveryOf,
  type Outgoing,
  refused,
  sent,
  standingOf,
  type Telling,
} from './deliveries/domain.ts'
import { ended, superseded } from './deliveries/endings.ts'
import { type Ended, isOpen } from './deliveries/status.ts'
import { supersede } from './holding/superseding.ts'
import { type Dropped, digestNewsOf, saidBy } from './rules/digest-news.ts'
import { listMailOf } from './rules/list-mail.ts'
import type { Terms } from './rules/settings.ts'
import { tellings } from './store.ts'

/** The outcome of a request: accepted by a provider, suppressed, superseded, or ended unsent. */
type Answer = (Sending & Digested) | Suppression | (Superseded & Digested) | Ended | undefined

interface Superseded {
  /** The id of the later notification that makes this one obsolete. */
  by: string
}

interface Digested {
  /** Messages that were removed from a digest. */
  dropped?: Dropped[]
}

const noSuch = (channel: Channel, notificationId: string) =>
  new PermanentError('no_such_notification', `no ${channel} for ${notificationId}`)

/**
 * Sends what the channel's queue requests, unless it is sent or has ended already. So a redelivery or a replayed dead
 * letter sends nothing twice. A request for a suppressed address fails with `notification.failed`, without a dead
 * letter.
 */
export function channelHandler(channel: Channel, send: Send, terms: Terms, patience: Patience): Handler {
  async function ask(notificationId: string, context: AskContext): Promise<Answer> {
    const telling = await context.read(tellings, notificationId)
    const address = telling?.notification.addresses[channel]
    if (!telling || address === undefined) throw noSuch(channel, notificationId)
    const { notification } = telling
    // The customer is forgotten, so there is no recipient.
    if (notification.isForgotten) return 'cancelled'
    if (!isOpen(standingOf(telling, channel).status)) return undefined
    if (notification.expiresAt !== null && notification.expiresAt <= context.now) return 'expired'
    const [news, list, suppression] = await Promise.all([
      digestNewsOf(notification, channel, terms, context),
      listMailOf(notification, channel, terms, context),
      context.read(suppressions, suppressionKey(channel, address)),
    ])
    if (list.isOptedOut) return 'opted_out'
    if (suppression) return suppression
    const { words, about, dropped } = news ?? { words: notification.words, about: [], dropped: [] }
    const [last] = dropped.slice(-1)
    if (last && about.length === 0) return { by: last.by, dropped }
    const content = await terms.templates.render(words, list.link)
    const outgoing = { ...outgoingOf(telling, channel, address), headers: list.headers, content, about }
    const answer = await send(outgoing, context).catch(supersededIn)
    return dropped.length === 0 ? answer : { ...answer, dropped }
  }

  return onMany(NotificationRequested, {
    ask: ({ data }, context) => ask(data.notificationId, context),
    recall({ data: { notificationId } }, known) {
      const telling = known.get(tellings, notificationId)
      if (!telling || telling.notification.addresses[channel] === undefined) throw noSuch(channel, notificationId)
      return isOpen(standingOf(telling, channel).status) ? undefined : { answer: undefined }
    },
    reads({ data: { notificationId } }, known) {
      const notification = known.get(tellings, notificationId)?.notification
      return [notificationId, ...(notification ? saidBy(notification) : [])].map((id) => owned(tellings, id))
    },
    readsToGiveUp: ({ data: { notificationId } }, known) => {
      const address = known.get(tellings, notificationId)?.notification.addresses[channel]
      // Read in case the provider reports the address as gone.
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
      const dropped = (typeof answer !== 'string' && 'dropped' in answer && answer.dropped) || []
      return [...messages, ...dropped.flatMap(({ id, by }) => supersede(draft, id, channel, by, at))]
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

function supersededIn(thrown: unknown): Superseded {
  if (thrown instanceof SupersededError) return { by: thrown.by }
  throw thrown
}

function outgoingOf(telling: Telling, channel: Channel, address: string): Omit<Outgoing, 'content'> {
  const { id: notificationId, eventType, orderId, createdAt } = telling.notification
  const { dueAt: heldUntil, call, generation } = standingOf(telling, channel)
  return { notificationId, eventType, orderId, channel, address, createdAt, heldUntil, call, generation }
}

function decisionOn(delivery: Delivery, answer: NonNullable<Answer>, at: string): Decision {
  if (typeof answer === 'string') return ended(delivery, answer, at)
  if ('by' in answer) return superseded(delivery, answer.by, at)
  return 'reason' in answer
    ? refused(delivery, `suppressed: ${withoutAddresses(answer.reason)}`, at)
    : accepted(delivery, answer, at)
}
