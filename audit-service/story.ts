// The story of an order: its events in causal order, in words, and the events that should have followed but are missing.
import { fieldIn, textIn } from './fields.ts'
import { expectedOfNews, GIVEN_UP, OUTSIDE, waysOf, withoutEarlierHolds } from './news.ts'
import { type Money, sentenceOf } from './sentences.ts'
import { detailOf, type Expectation, type Hold, keyOf, type Told } from './told.ts'

export interface StoryEntry {
  id: string
  time: string
  /** Milliseconds since the story began. */
  afterMs: number
  service: string
  type: string
  sentence: string
}

export interface Gap {
  /** Any one of these closes the gap. */
  missing: string[]
  /** The event that should have been followed. Null if the first event of the order is missing. */
  after: string | null
  since: string
  sinceMs: number
  /**
   * `held`: a rule delays it until a time. `missing`: it waits longer than it ever should. `failed`: the customer could not be
   * notified, and no attempt is left.
   */
  status: 'held' | 'waiting' | 'missing' | 'failed'
  /** When it becomes or became overdue. */
  overdueAt: string
  /** Set if it is or was held. */
  held?: Hold
}

export interface Story {
  orderId: string
  ended: 'completed' | 'cancelled' | null
  startedAt: string
  /** Until the end of the order. Notifications after the end do not count. Before the end: until the last event so far. */
  durationMs: number
  entries: StoryEntry[]
  gaps: Gap[]
}

/** Causes before effects. It decides between events of the same millisecond, since an effect often has its cause's time. */
const CAUSAL_ORDER = [
  'order.created',
  'inventory.reserved',
  'inventory.out_of_stock',
  'inventory.price_changed',
  'payment.confirmation_required',
  'order.cancel_requested',
  'payment.success',
  'payment.failed',
  'inventory.committed',
  'order.paid',
  'shipping.prepared',
  'shipping.failed',
  'payment.refund_abandoned',
  'payment.refunded',
  'payment.voided',
  'inventory.released',
  'order.shipped',
  'shipping.delivered',
  'order.completed',
  'order.cancelled',
  'order.refund_requested',
  'payment.refund_refused',
  'inventory.returned',
  'notification.held',
  'notification.requested',
  'notification.sent',
  'notification.failed',
  'notification.expired',
  'notification.cancelled',
  'notification.opted_out',
  'notification.superseded',
  'notification.digested',
  'notification.delivered',
  'notification.undelivered',
]
const rankOf = new Map(CAUSAL_ORDER.map((type, rank) => [type, rank]))

/** Undefined if there is no event. The order of `events` does not matter. */
export function storyOf(
  orderId: string,
  events: readonly Told[],
  { now, gapAfterMs, money }: { now: string; gapAfterMs: number; money: Money },
): Story | undefined {
  const sorted = byCause(events)
  const first = sorted.at(0)
  const last = sorted.at(-1)
  if (!first || !last) return undefined
  const startedMs = Date.parse(first.time)
  const end = sorted.find(({ type }) => type === 'order.completed' || type === 'order.cancelled')
  return {
    orderId,
    ended: end === undefined ? null : end.type === 'order.completed' ? 'completed' : 'cancelled',
    startedAt: first.time,
    durationMs: Date.parse((end ?? last).time) - startedMs,
    entries: sorted.map((event) => ({
      id: event.id,
      time: event.time,
      afterMs: Date.parse(event.time) - startedMs,
      service: serviceOf(event.source),
      type: event.type,
      sentence: sentenceOf(event, money),
    })),
    gaps: gapsOf(sorted, Date.parse(now), gapAfterMs),
  }
}

function byCause(events: readonly Told[]): Told[] {
  const ranked = events.map((event) => ({
    event,
    id: event.id,
    ms: Date.parse(event.time),
    rank: rankOf.get(event.type) ?? CAUSAL_ORDER.length,
  }))
  ranked.sort((a, b) => a.ms - b.ms || a.rank - b.rank || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  return ranked.map(({ event }) => event)
}

/** Shortens `/inventory-service` to `inventory`. */
function serviceOf(source: string): string {
  return source.replace(/^\//, '').replace(/-service$/, '')
}

interface Rule {
  after: string
  /** One event of each list must follow. */
  expect: string[][]
  /** Events that make it unnecessary. */
  unless?: string[]
  /** How many times the usual wait is allowed: outside calls are retried, and parcels travel. */
  patience?: number
}

const ON_THE_ROAD = 60

const RULES: Rule[] = [
  { after: 'order.created', expect: [['inventory.reserved', 'inventory.out_of_stock', 'inventory.price_changed']] },
  {
    after: 'inventory.reserved',
    expect: [['payment.success', 'payment.failed', 'payment.confirmation_required']],
    patience: OUTSIDE,
  },
  { after: 'inventory.out_of_stock', expect: [['order.cancelled']] },
  { after: 'inventory.price_changed', expect: [['order.cancelled']] },
  { after: 'payment.confirmation_required', expect: [['payment.success', 'payment.failed']], patience: OUTSIDE },
  { after: 'payment.success', expect: [['inventory.committed']] },
  { after: 'payment.success', expect: [['order.paid']], unless: ['order.cancelled'] },
  { after: 'payment.success', expect: [['shipping.prepared', 'shipping.failed']], patience: OUTSIDE },
  { after: 'payment.failed', expect: [['inventory.released'], ['order.cancelled']] },
  { after: 'shipping.prepared', expect: [['order.shipped']] },
  { after: 'shipping.prepared', expect: [['shipping.delivered']], patience: ON_THE_ROAD },
  { after: 'shipping.delivered', expect: [['order.completed']] },
  { after: 'shipping.failed', expect: [['inventory.released'], ['order.cancelled']] },
  {
    after: 'shipping.failed',
    expect: [['payment.refunded']],
    unless: ['payment.refund_abandoned/whole'],
    patience: OUTSIDE,
  },
]

export function expectationsOf(event: Told): Expectation[] {
  const byRule = RULES.filter(({ after }) => after === event.type).flatMap(({ expect, unless = [], patience = 1 }) =>
    expect.map((oneOf) => ({ oneOf: oneOf.map((type) => sameDetail(event, type)), unless, patience })),
  )
  return [...byRule, ...moneyBackOf(event), ...returnOf(event), ...expectedOfNews(event)]
}

/** If an order can have several of an event, the answer has the same detail. */
function sameDetail(event: Told, type: string): string {
  const detail = detailOf(event)
  return detail === '' ? type : `${type}/${detail}`
}

/** A requested refund is made, refused or given up. If it was given up, it is still owed, and an operator must ask again. */
function moneyBackOf(event: Told): Expectation[] {
  const answers = ['payment.refunded', 'payment.refund_refused'].map((type) => sameDetail(event, type))
  if (event.type === 'order.refund_requested')
    return [{ oneOf: answers, unless: [sameDetail(event, 'payment.refund_abandoned')], patience: OUTSIDE }]
  const detail = detailOf(event)
  // If the same refund is given up again, as `1.2`, the first gap stays.
  if (event.type !== 'payment.refund_abandoned' || detail.includes('.')) return []
  return [{ oneOf: detail === 'whole' ? ['payment.refunded', 'payment.voided'] : answers, patience: 1 }]
}

/** Only refunds of shipped or delivered orders can bring goods back. */
function returnOf(event: Told): Expectation[] {
  const isBack = event.type === 'payment.refunded' && fieldIn(event.data, 'returnToStock') === true
  return isBack ? [{ oneOf: [sameDetail(event, 'inventory.returned')], patience: 1 }] : []
}

/** What should have followed these events of one subject but is missing. Their order does not matter. */
export const gapsAmong = (events: readonly Told[], nowMs: number, gapAfterMs: number) =>
  gapsOf(byCause(events), nowMs, gapAfterMs)

function gapsOf(sorted: readonly Told[], nowMs: number, gapAfterMs: number): Gap[] {
  const known = new Set(sorted.flatMap((event) => [event.type, keyOf(event), ...waysIn(event)]))
  const gap = (after: Told, { oneOf, patience, held, ...expected }: Expectation, isFirst = false): Gap => {
    const beginsMs = held ? msOf(held.until, after.time) : waitBegins(after)
    const sinceMs = Math.max(0, nowMs - beginsMs)
    const waits = held && nowMs < beginsMs ? 'held' : 'waiting'
    return {
      missing: oneOf,
      after: isFirst ? null : (expected.after ?? keyOf(after)),
      since: after.time,
      sinceMs,
      status: patience === GIVEN_UP ? 'failed' : sinceMs > gapAfterMs * patience ? 'missing' : waits,
      overdueAt: new Date(beginsMs + gapAfterMs * patience).toISOString(),
      ...(held && { held }),
    }
  }
  const unplaced = sorted.find(({ type }) => !type.startsWith('notification.') && rankOf.has(type))
  return [
    // Events of an order that nobody placed.
    ...(unplaced && !known.has('order.created')
      ? [gap(unplaced, { oneOf: ['order.created'], patience: 1 }, true)]
      : []),
    ...withoutEarlierHolds(sorted).flatMap((event) =>
      expectationsOf(event)
        .filter(({ oneOf, unless = [] }) => ![...oneOf, ...unless].some((key) => known.has(key)))
        .map((expected) => gap(event, expected)),
    ),
  ]
}

const waysIn = (event: Told) => waysOf(event).map((way) => `${event.type}/${way}`)

/** A customer has until the deadline to confirm. Only then does the wait begin. */
function waitBegins({ type, time, data }: Told): number {
  return msOf(type === 'payment.confirmation_required' ? textIn(data, 'confirmBefore') : undefined, time)
}

/** If the first is not an instant, the second counts. */
function msOf(instant: string | undefined, otherwise: string): number {
  const ms = Date.parse(instant ?? '')
  return Number.isNaN(ms) ? Date.parse(otherwise) : ms
}
