// Plans when each channel of a notification is sent: now, later or never. The same rules decide when the notification
// is taken in and again when a held channel is due.
import { amqpPriority, type Channel } from '@orders/shared/contracts'
import type { Ended, HoldReason } from '../deliveries/status.ts'
import { channelsOf, type Heading, type Notification } from '../domain.ts'
import type { ContactSettings } from './contacts.ts'
import { DIGEST } from './digest.ts'
import { isOptedOut, noPreferences, type Preferences } from './preferences.ts'
import { parseQuietHours, type QuietHours, quietUntil } from './quiet-hours.ts'
import { type Recent, roomAt, type Throttle } from './throttle.ts'

export type Step =
  | { kind: 'send' }
  | { kind: 'hold'; dueAt: string; reason: HoldReason }
  | { kind: 'end'; status: Ended }
  | { kind: 'supersede'; by: string }
  | { kind: 'fail'; reason: string }

/** The service's own settings, for everything that the customer has not decided. */
export interface RuleSettings {
  transactional: ReadonlySet<string>
  quietHours: QuietHours | undefined
  timeZone: string
  throttle: Throttle
  throttlesTransactional: boolean
  contacts: ContactSettings
  digestMs: number
  /** Categories that are gathered into digests unless the customer decides otherwise. */
  digested: ReadonlySet<string>
}

/** What is known of one channel of the notification. */
export interface ChannelContext {
  /** The recipient's preferences. If missing, none are stored. */
  preferences?: Preferences | undefined
  /** Recent messages to the address, if the throttle counts this one. */
  recent?: Recent | undefined
  /**
   * When the address may be used, in milliseconds since 1970. Set if the order names an address that is not known as
   * the customer's.
   */
  contactRoomMs?: number | undefined
  /** The later notification that made it obsolete. */
  supersededBy?: string | undefined
  /** The reason of the hold that ends now. */
  heldBecause?: HoldReason | undefined
  /** It waited for a digest before and is not gathered again. */
  wasGathered?: boolean
}

/**
 * What the rules know besides the notification: plain data, loaded before they decide. To add a rule, add its data here
 * and the rule to `rules`.
 */
export interface PlanContext {
  /** RFC 3339 in UTC, as `Date.toISOString` writes it, so that instants compare as text. */
  now: string
  settings: RuleSettings
  channels: Partial<Record<Channel, ChannelContext>>
}

/** Undefined if the rule has no objection. */
type Rule = (notification: Notification, context: PlanContext, channel: Channel) => Step | undefined

const unlessExpired: Rule = ({ expiresAt }, { now }) =>
  expiresAt !== null && expiresAt <= now ? { kind: 'end', status: 'expired' } : undefined

const unlessSuperseded: Rule = (_, { channels }, channel) => {
  const by = channels[channel]?.supersededBy
  return by === undefined ? undefined : { kind: 'supersede', by }
}

const unlessUnreachable: Rule = ({ addresses }, _, channel) =>
  addresses[channel] === '' ? { kind: 'fail', reason: 'no_address' } : undefined

const notBefore: Rule = ({ sendAt }, { now }) =>
  sendAt !== null && sendAt > now ? { kind: 'hold', dueAt: sendAt, reason: 'send_at' } : undefined

const unlessOptedOut: Rule = (notification, { settings, channels }, channel) => {
  const { category } = notification
  const isTransactional = settings.transactional.has(category)
  const about = { category, isTransactional, channels: channelsOf(notification) }
  return isOptedOut(preferencesIn(channels, channel), about, channel) ? { kind: 'end', status: 'opted_out' } : undefined
}

/** Whether it should join a digest, as far as notification and preferences decide. */
export function mayBeGathered(
  { eventType, category, priority }: Heading,
  settings: RuleSettings,
  { categories }: Preferences,
): boolean {
  const isWanted = categories[category]?.digest ?? settings.digested.has(category)
  return isWanted && !isUrgent({ priority }) && eventType !== DIGEST
}

/** A message that expires before the digest is not gathered. */
const gathered: Rule = (notification, { now, settings, channels }, channel) => {
  const { expiresAt } = notification
  const isWanted = mayBeGathered(notification, settings, preferencesIn(channels, channel))
  if (!isWanted || channels[channel]?.wasGathered) return undefined
  const dueAt = instantOf(Date.parse(now) + settings.digestMs)
  return expiresAt !== null && expiresAt <= dueAt ? undefined : { kind: 'hold', dueAt, reason: 'digest' }
}

/** A webhook has no quiet hours: programs do not sleep. */
const notWhileQuiet: Rule = ({ priority }, { now, settings, channels }, channel) => {
  const { quietHours, timeZone = settings.timeZone } = preferencesIn(channels, channel)
  const window = quietHours === undefined ? settings.quietHours : quietHours && parseQuietHours(quietHours)
  if (!window || isUrgent({ priority }) || channel === 'webhook') return undefined
  const untilMs = quietUntil(window, timeZone, Date.parse(now))
  return untilMs === undefined ? undefined : { kind: 'hold', dueAt: instantOf(untilMs), reason: 'quiet_hours' }
}

const whereThereIsRoom: Rule = (notification, { now, settings, channels }, channel) => {
  const { recent, heldBecause } = channels[channel] ?? {}
  if (!recent || !isThrottled(notification, settings)) return undefined
  const nowMs = Date.parse(now)
  const roomMs = roomAt(recent, settings.throttle, nowMs, heldBecause === 'throttled')
  return roomMs <= nowMs ? undefined : { kind: 'hold', dueAt: instantOf(roomMs), reason: 'throttled' }
}

/** Applies to urgent messages too, since those can be abused like any other. */
const unlessTooManyContacts: Rule = (_, { now, channels }, channel) => {
  const roomMs = channels[channel]?.contactRoomMs ?? 0
  return roomMs <= Date.parse(now) ? undefined : { kind: 'hold', dueAt: instantOf(roomMs), reason: 'throttled' }
}

/**
 * The first rule that objects decides. After a hold all rules run again. So rules that end a channel come before rules
 * that hold it.
 */
const rules: readonly Rule[] = [
  unlessExpired,
  unlessSuperseded,
  unlessUnreachable,
  unlessOptedOut,
  notBefore,
  gathered,
  notWhileQuiet,
  whereThereIsRoom,
  unlessTooManyContacts,
]

/** The customer has to act, or waits in vain. Quiet hours, digests and the throttle do not hold such a message. */
export function isUrgent({ priority }: Pick<Notification, 'priority'>): boolean {
  return priority >= amqpPriority.failure
}

export function isThrottled({ priority, category }: Heading, settings: RuleSettings): boolean {
  return !isUrgent({ priority }) && (settings.throttlesTransactional || !settings.transactional.has(category))
}

function preferencesIn(channels: PlanContext['channels'], channel: Channel): Preferences {
  return channels[channel]?.preferences ?? noPreferences
}

const instantOf = (ms: number) => new Date(ms).toISOString()

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

/** Nothing is held beyond its expiry, so that `notification.expired` is published on time. */
function untilExpiry(step: Step, { expiresAt }: Notification): Step {
  if (step.kind !== 'hold' || expiresAt === null || step.dueAt <= expiresAt) return step
  return { ...step, dueAt: expiresAt }
}
