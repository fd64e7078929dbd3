// Takes in every notification and releases the held ones: plans each channel, stores the result, requests the channels.
import { channels as allChannels, type Channel, type Message } from '@orders/shared/contracts'
import { type Draft, type Known, owned, type Ref, type Work } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import {
  changed,
  type Decision,
  type Delivery,
  deliveryOf,
  refused,
  standingOf,
  type Telling,
  withStanding,
} from '../deliveries/domain.ts'
import { ended } from '../deliveries/endings.ts'
import { type Ended, statusOf } from '../deliveries/status.ts'
import { type DeliveryRow, deliveriesOf } from '../deliveries/store.ts'
import { channelsOf, type Heading, type Notification } from '../domain.ts'
import { contextOf, countForAddress, readsOfRules } from '../rules/context.ts'
import { type PlanContext, type Planned, plan } from '../rules/plan.ts'
import type { Terms } from '../rules/settings.ts'
import { tellings } from '../store.ts'
import { gatherDue, joined, readsOfGathering } from './digests.ts'
import { held, requested } from './domain.ts'
import { readsOfSuperseding, supersede, supersedeUntrue, takeAlong } from './superseding.ts'

/** What `takeIn` reads for a notification. */
export function readsOfTakingIn(notification: Heading, { settings, course }: Terms, known: Known): Ref[] {
  return [
    owned(tellings, notification.id),
    ...readsOfRules(notification, channelsOf(notification), settings, known),
    ...readsOfSuperseding(notification, course, known),
  ]
}

/** Idempotent: a known notification is neither stored nor requested again. */
export function takeIn(draft: Draft, notification: Notification, at: string, terms: Terms): Message[] {
  if (draft.get(tellings, notification.id)) return []
  draft.set(tellings, notification.id, { notification, standings: {}, failures: [] })
  const channels = channelsOf(notification)
  const context = contextOf(draft, notification, channels, { now: at, terms })
  const planned = plan(notification, channels, context)
  const ended = supersedeUntrue(draft, notification, at, terms.course)
  const taken = takeAlong(draft, notification, sentBy(planned), terms.course)
  return [...taken, ...carryOut(draft, notification, planned, context), ...ended]
}

/** Plans the due channels of a notification again. If another copy was first, no channel is due any more. */
export function release(id: string, at: string, terms: Terms): Work<void> {
  return {
    reads(known) {
      const telling = known.get(tellings, id)
      const due = telling ? dueChannelsOf(telling, at) : []
      return [
        owned(tellings, id),
        ...(telling ? readsOfRules(telling.notification, due, terms.settings, known) : []),
        ...(telling ? due.flatMap((channel) => readsOfGathering(telling, channel, terms, known)) : []),
      ]
    },
    decide(draft) {
      const messages = gatherDue(draft, id, at, terms, (digest) => takeIn(draft, digest, at, terms))
      const telling = draft.get(tellings, id)
      const due = telling ? dueChannelsOf(telling, at) : []
      if (!telling || due.length === 0) return { result: undefined, messages }
      const { notification } = telling
      const context = contextOf(draft, notification, due, { now: at, terms, telling })
      const planned = plan(notification, due, context)
      for (const channel of sentBy(planned)) change(draft, id, channel, { status: 'waiting', updatedAt: at })
      return { result: undefined, messages: [...messages, ...carryOut(draft, notification, planned, context)] }
    },
  }
}

export function dueChannelsOf(telling: Telling, at: string): Channel[] {
  return allChannels.filter((channel) => {
    const { status, dueAt } = standingOf(telling, channel)
    return status === 'held' && dueAt !== null && dueAt <= at
  })
}

/** Postpones a notification that cannot be released, so that it does not block others. */
export function putOff(id: string, at: string, until: string): Work<void> {
  return {
    reads: () => [owned(tellings, id)],
    decide(draft) {
      const telling = draft.get(tellings, id)
      const due = telling ? dueChannelsOf(telling, at) : []
      for (const channel of due) change(draft, id, channel, { dueAt: until })
      return { result: undefined, messages: [] }
    },
  }
}

/**
 * Cancels every channel that is held or waiting. A held channel is then never requested. A requested one finds itself
 * cancelled, unless its provider is being called at this moment. Repeating the call changes nothing.
 *
 * @throws RejectedError 404 `no_such_notification`; 409 `not_cancellable` if no channel is open and none was cancelled
 * before.
 */
export function cancel(id: string, at: string): Work<DeliveryRow[]> {
  return {
    reads: () => [owned(tellings, id)],
    decide(draft) {
      const telling = draft.get(tellings, id)
      if (!telling) throw new RejectedError(404, 'no_such_notification', `no notification ${id}`)
      const before = deliveriesOf(telling)
      const open = before.filter(({ status }) => status === 'held' || status === 'waiting')
      if (open.length === 0 && !before.some(({ status }) => status === 'cancelled'))
        throw new RejectedError(409, 'not_cancellable', `it is ${statusOf(before)} already`)
      const messages = open.flatMap(({ channel }) => end(draft, id, channel, 'cancelled', at))
      return { result: deliveriesOf(draft.get(tellings, id) ?? telling), messages }
    },
  }
}

/** Stores held and ended channels and requests the others. A channel without a row is waiting. */
function carryOut(draft: Draft, notification: Notification, planned: Planned[], context: PlanContext): Message[] {
  const { now: at } = context
  const { id } = notification
  const messages: Message[] = []
  for (const one of planned) {
    const { channel, step } = one
    countForAddress(draft, notification, one, context)
    if (step.kind === 'hold') {
      const digest = step.reason === 'digest' ? joined(draft, notification, channel, step.dueAt) : undefined
      const { dueAt, reason } = { ...step, ...digest }
      // Never removed once it is set: a message that was in a digest window joins no second one.
      const gathered = digest && { digestId: digest.digestId }
      change(draft, id, channel, { status: 'held', dueAt, heldBecause: reason, ...gathered, updatedAt: at })
      messages.push(...held(notification, { channel, dueAt, reason }, at))
    }
    if (step.kind === 'end') messages.push(...end(draft, id, channel, step.status, at))
    if (step.kind === 'supersede') messages.push(...supersede(draft, id, channel, step.by, at))
    if (step.kind === 'fail') messages.push(...decided(draft, id, channel, (one) => refused(one, step.reason, at), at))
  }
  const wanted = sentBy(planned)
  return wanted.length === 0 ? messages : [requested(notification, wanted, at), ...messages]
}

/** Ends one channel, unless it is sent or has ended already. */
export function end(draft: Draft, id: string, channel: Channel, status: Ended, at: string): Message[] {
  return decided(draft, id, channel, (delivery) => ended(delivery, status, at), at)
}

function decided(
  draft: Draft,
  id: string,
  channel: Channel,
  decide: (delivery: Delivery) => Decision,
  at: string,
): Message[] {
  const telling = draft.get(tellings, id)
  if (!telling) return []
  const decision = decide(deliveryOf(telling, channel))
  draft.set(tellings, id, changed(telling, channel, decision.change, at))
  return decision.messages
}

function change(draft: Draft, id: string, channel: Channel, to: Parameters<typeof withStanding>[2]): void {
  const telling = draft.get(tellings, id)
  if (telling) draft.set(tellings, id, withStanding(telling, channel, to))
}

function sentBy(planned: Planned[]): Channel[] {
  return planned.filter(({ step }) => step.kind === 'send').map(({ channel }) => channel)
}
