// What an order still waits for, followed event by event; plain data. Of each event only what the rules read is remembered.
import { identityOf } from '../domain.ts'
import { fieldIn, listIn, textIn } from '../fields.ts'
import { type Gap, gapsAmong } from '../story.ts'
import type { Told } from '../told.ts'

export interface Unfinished {
  /** Its number in the log. */
  subject: number
  orderId: string
  events: readonly Told[]
  gaps: readonly Gap[]
}

/** A subject with more is no order: what comes later is not followed. */
const EVENTS_MAX = 1_000

/** With these events added, each once: of two under one id the first counts, as in the story. */
export function followed(
  before: Pick<Unfinished, 'subject' | 'orderId' | 'events'>,
  added: readonly Told[],
  terms: Terms,
): Unfinished {
  const events = new Map(before.events.map((event) => [identityOf(event), event]))
  for (const event of added)
    if (events.size < EVENTS_MAX && !events.has(identityOf(event))) events.set(identityOf(event), remembered(event))
  return looked({ ...before, events: [...events.values()] }, terms)
}

export interface Terms {
  now: string
  gapAfterMs: number
}

export const looked = (before: Omit<Unfinished, 'gaps'>, { now, gapAfterMs }: Terms): Unfinished => ({
  ...before,
  gaps: gapsAmong(before.events, Date.parse(now), gapAfterMs),
})

/** Missing, or failed: somebody should do something about it. */
export const isOverdue = ({ status }: Gap) => status === 'missing' || status === 'failed'

/** When the next of its gaps becomes overdue; null when none is left that could. */
export function lookAt({ gaps }: Unfinished): string | null {
  const times = gaps.filter((gap) => !isOverdue(gap)).map(({ overdueAt }) => overdueAt)
  // A moment later: what is missing has waited longer than it may.
  return times.length === 0 ? null : new Date(Date.parse(times.sort()[0] ?? '') + 1).toISOString()
}

/** `payment.success → inventory.committed`: the same for every order. */
export function hopOf({ after, missing }: Gap): string {
  return `${kindOf(after ?? 'nothing')} → ${[...new Set(missing.map(kindOf))].join(' or ')}`
}

/** The type that should have been followed. */
export const typeBefore = (hop: string) => hop.slice(0, hop.indexOf(' '))

const kindOf = (key: string) => key.split('/')[0] ?? key

/** The service that should have said what is missing. */
export const serviceOf = ({ missing: [first = ''] }: Gap) => first.split('.')[0] ?? ''

/** Whoever is told is a customer, and none of our business: that there is one is what the rules read. */
function remembered({ id, type, subject, source, time, data }: Told): Told {
  const texts = ['until', 'reason', 'channel', 'confirmBefore', 'notificationId'].flatMap((name) => {
    const text = textIn(data, name)
    return text === undefined ? [] : [[name, text]]
  })
  const kept: Record<string, unknown> = Object.fromEntries(texts)
  if (fieldIn(data, 'channels') !== undefined) kept.channels = listIn(data, 'channels')
  if (fieldIn(data, 'returnToStock') === true) kept.returnToStock = true
  if (textIn(data, 'user') !== undefined) kept.user = ''
  return { id, type, subject, source, time, data: kept }
}
