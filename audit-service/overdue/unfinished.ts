// What an order still waits for, as plain data. Of each event it keeps only what the rules read.
import { identityOf } from '../domain.ts'
import { fieldIn, listIn, textIn } from '../fields.ts'
import { type Gap, gapsAmong } from '../story.ts'
import type { Told } from '../told.ts'

export interface Unfinished {
  /** The subject's number in the log. */
  subject: number
  orderId: string
  events: readonly Told[]
  gaps: readonly Gap[]
}

/** A subject with more events is not an order. Further events are ignored. */
const EVENTS_MAX = 1_000

/** Adds these events, each once. If two have the same identity, the first counts, as in the story. */
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

/** Missing or failed: an operator must act. */
export const isOverdue = ({ status }: Gap) => status === 'missing' || status === 'failed'

/** When the next gap becomes overdue. Null if none can. */
export function lookAt({ gaps }: Unfinished): string | null {
  const times = gaps.filter((gap) => !isOverdue(gap)).map(({ overdueAt }) => overdueAt)
  // One millisecond later: only then has it waited longer than allowed.
  return times.length === 0 ? null : new Date(Date.parse(times.sort()[0] ?? '') + 1).toISOString()
}

/** Such as `payment.success → inventory.committed`: the same for every order. */
export function hopOf({ after, missing }: Gap): string {
  return `${kindOf(after ?? 'nothing')} → ${[...new Set(missing.map(kindOf))].join(' or ')}`
}

/** The type before the gap. */
export const typeBefore = (hop: string) => hop.slice(0, hop.indexOf(' '))

const kindOf = (key: string) => key.split('/')[0] ?? key

/** The service that should have published the missing event. */
export const serviceOf = ({ missing: [first = ''] }: Gap) => first.split('.')[0] ?? ''

/** The customer's name is not kept: the rules only need to know that there is one. */
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
