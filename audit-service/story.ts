// An order's story: its events in the order of their causes, in words, and what should have followed and did not.
import { channels } from '@orders/shared/contracts'
import { listIn, textIn } from './fields.ts'
import { type Money, sentenceOf } from './sentences.ts'

/** An event as the story needs it; its data may be of any version. */
export interface Told {
  id: string
  type: string
  subject: string
  source: string
  time: string
  data: unknown
}

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
  /** Any one of these would close it. */
  missing: string[]
  /** The event that should have been followed; null when even the first is not there. */
  after: string | null
  since: string
  sinceMs: number
  /** `missing` once the wait is longer than it should ever be. */
  status: 'waiting' | 'missing'
}

export interface Story {
  orderId: string
  ended: 'completed' | 'cancelled' | null
  startedAt: string
  /** Until the order ended; what customers are told of that comes later. So far, while it has not. */
  durationMs: number
  entries: StoryEntry[]
  gaps: Gap[]
}

/** Causes before effects: what decides between events of the same millisecond, since an effect often bears its cause's time. */
const CAUSAL_ORDER = [
  'order.created',
  'inventory.reserved',
  'inventory.out_of_stock',
  'payment.confirmation_required',
  'order.cancel_requested',
  'payment.success',
  'payment.failed',
  'inventory.committed',
  'order.paid',
  'shipping.prepared',
  'shipping.failed',
  'payment.refunded',
  'inventory.released',
  'order.shipped',
  'shipping.delivered',
  'order.completed',
  'order.cancelled',
  'notification.requested',
  'notification.sent',
  'notification.failed',
  'notification.expired',
  'notification.cancelled',
  'notification.opted_out',
  'notification.digested',
  'notification.delivered',
  'notification.undelivered',
]
const rankOf = new Map(CAUSAL_ORDER.map((type, rank) => [type, rank]))

/** Undefined when nothing is known. Does not depend on the order of `events`. */
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

/** `/inventory-service` is `inventory` to people. */
function serviceOf(source: string): string {
  return source.replace(/^\//, '').replace(/-service$/, '')
}

interface Rule {
  after: string
  /** One of each of these. */
  expect: string[][]
  /** How many times as long as usual it may take: calls to the outside are tried for a minute, parcels travel. */
  patience?: number
}

const OUTSIDE = 3
const ON_THE_ROAD = 60

const RULES: Rule[] = [
  { after: 'order.created', expect: [['inventory.reserved', 'inventory.out_of_stock']] },
  {
    after: 'inventory.reserved',
    expect: [['payment.success', 'payment.failed', 'payment.confirmation_required']],
    patience: OUTSIDE,
  },
  { after: 'inventory.out_of_stock', expect: [['order.cancelled']] },
  { after: 'payment.confirmation_required', expect: [['payment.success', 'payment.failed']], patience: OUTSIDE },
  { after: 'payment.success', expect: [['inventory.committed'], ['order.paid']] },
  { after: 'payment.success', expect: [['shipping.prepared', 'shipping.failed']], patience: OUTSIDE },
  { after: 'payment.failed', expect: [['inventory.released'], ['order.cancelled']] },
  { after: 'shipping.prepared', expect: [['order.shipped']] },
  { after: 'shipping.prepared', expect: [['shipping.delivered']], patience: ON_THE_ROAD },
  { after: 'shipping.delivered', expect: [['order.completed']] },
  { after: 'shipping.failed', expect: [['inventory.released'], ['order.cancelled']] },
  { after: 'shipping.failed', expect: [['payment.refunded']], patience: OUTSIDE },
]

/** News that customers are told. */
const TOLD = [
  'order.created',
  'order.paid',
  'order.shipped',
  'order.completed',
  'order.cancelled',
  'payment.confirmation_required',
]

/** What an event should be followed by: any one of `oneOf`, each a type or a type with its detail. */
interface Expectation {
  oneOf: string[]
  /** What makes it needless: the customer's wish, or the time that passed. */
  unless?: string[]
  patience: number
}

function expectationsOf(event: Told): Expectation[] {
  const byRule = RULES.filter(({ after }) => after === event.type).flatMap(({ expect, patience = 1 }) =>
    expect.map((oneOf) => ({ oneOf, patience })),
  )
  const told = TOLD.includes(event.type)
    ? [{ oneOf: [`notification.requested/${event.type}`], unless: endingsOf(event.type), patience: 1 }]
    : []
  return [...byRule, ...told, ...deliveriesOf(event)]
}

function endingsOf(news: string): string[] {
  return channels.flatMap((channel) =>
    ['digested', 'opted_out', 'expired', 'cancelled'].map((ending) => `notification.${ending}/${news}.${channel}`),
  )
}

function deliveriesOf(event: Told): Expectation[] {
  if (event.type !== 'notification.requested') return []
  const about = keyOf(event).slice('notification.requested/'.length)
  return listIn(event.data, 'channels').map((channel) => ({
    oneOf: [`notification.sent/${about}.${channel}`, `notification.failed/${about}.${channel}`],
    unless: endingsOf(about).filter((ending) => ending.endsWith(`.${channel}`)),
    patience: OUTSIDE,
  }))
}

/** The id without its subject: the type, and the detail where a type alone is not enough. */
function keyOf({ id, subject, type }: Told): string {
  return id.startsWith(`${subject}/`) ? id.slice(subject.length + 1) : type
}

function gapsOf(sorted: readonly Told[], nowMs: number, gapAfterMs: number): Gap[] {
  const known = new Set(sorted.flatMap((event) => [event.type, keyOf(event)]))
  const gap = (after: Told, expected: Expectation, isFirst = false): Gap => {
    const sinceMs = Math.max(0, nowMs - waitBegins(after))
    const status = sinceMs > gapAfterMs * expected.patience ? 'missing' : 'waiting'
    return { missing: expected.oneOf, after: isFirst ? null : keyOf(after), since: after.time, sinceMs, status }
  }
  const unplaced = sorted.find(({ type }) => /^(order|inventory|payment|shipping)\./.test(type))
  return [
    // Somebody speaks of an order that nobody placed.
    ...(unplaced && !known.has('order.created')
      ? [gap(unplaced, { oneOf: ['order.created'], patience: 1 }, true)]
      : []),
    ...sorted.flatMap((event) =>
      expectationsOf(event)
        .filter(({ oneOf, unless = [] }) => ![...oneOf, ...unless].some((key) => known.has(key)))
        .map((expected) => gap(event, expected)),
    ),
  ]
}

/** A customer who is asked has until the deadline: only from then on does anybody keep us waiting. */
function waitBegins({ type, time, data }: Told): number {
  const deadline =
    type === 'payment.confirmation_required' ? Date.parse(textIn(data, 'confirmBefore') ?? '') : Number.NaN
  return Number.isNaN(deadline) ? Date.parse(time) : deadline
}
