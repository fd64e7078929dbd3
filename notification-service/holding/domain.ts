// When each channel of a notification is said: now, later, or never. Decided when the notification is taken in, and anew
// whenever a held channel is due, by the same rules.
import { type Channel, type Message, NotificationRequested } from '@orders/shared/contracts'
import type { Ended } from '../deliveries/domain.ts'
import { channelsOf, type Notification } from '../domain.ts'

/** Why a channel is held. */
export type HoldReason = 'send_at'

export type Step =
  | { kind: 'send' }
  | { kind: 'hold'; dueAt: string; reason: HoldReason }
  | { kind: 'end'; status: Ended }

/**
 * What the rules know beside the notification: plain data, loaded before they decide. A further rule adds what it needs
 * here, and itself to `rules`.
 */
export interface PlanContext {
  /** RFC 3339 in UTC, as `Date.toISOString` writes it, so that instants compare as text. */
  now: string
}

/** Undefined where it has no objection. */
type Rule = (notification: Notification, context: PlanContext, channel: Channel) => Step | undefined

const unlessExpired: Rule = ({ expiresAt }, { now }) =>
  expiresAt !== null && expiresAt <= now ? { kind: 'end', status: 'expired' } : undefined

const notBefore: Rule = ({ sendAt }, { now }) =>
  sendAt !== null && sendAt > now ? { kind: 'hold', dueAt: sendAt, reason: 'send_at' } : undefined

/** The first that objects decides; another one has its turn when the hold is over. So what ends stands before what holds. */
const rules: readonly Rule[] = [unlessExpired, notBefore]

export interface Planned {
  channel: Channel
  step: Step
}

export function plan(notification: Notification, channels: readonly Channel[], context: PlanContext): Planned[] {
  return channels.map((channel) => ({ channel, step: stepOf(notification, context, channel) }))
}

function stepOf(notification: Notification, context: PlanContext, channel: Channel): Step {
  for (const rule of rules) {
    const step = rule(notification, context, channel)
    if (step) return untilExpiry(step, notification)
  }
  return { kind: 'send' }
}

/** Nothing is held for longer than it may be said, so that its expiry is told when it happens. */
function untilExpiry(step: Step, { expiresAt }: Notification): Step {
  if (step.kind !== 'hold' || expiresAt === null || step.dueAt <= expiresAt) return step
  return { ...step, dueAt: expiresAt }
}

/**
 * Asks for these channels, at once or when they are released. Each channel is asked for once, so a part of a
 * notification is known by its channels.
 */
export function requested(notification: Notification, channels: Channel[], at: string): Message {
  const { id: notificationId, subject, eventType, priority } = notification
  const isWhole = channels.length === channelsOf(notification).length
  const detail = isWhole ? eventType : [eventType, ...channels].join('.')
  return NotificationRequested.of(subject, at, { notificationId, channels }, { detail, priority })
}
