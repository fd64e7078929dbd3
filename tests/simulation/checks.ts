// What must be true once everything has come to rest. A check that had nothing to look at has failed.
import { storyOf } from '../../audit-service/story.ts'
import type { Told } from '../../audit-service/told.ts'
import type { Evidence } from './evidence.ts'
import { OUTAGES, REFUSED_ADDRESS } from './orders.ts'
import { initialStock } from './services.ts'
import type { Check, Violation } from './verdict.ts'

type Complain = (subject: string, what: string) => void

/** Returns how many things it looked at. */
type Look = (evidence: Evidence, complain: Complain) => number | Promise<number>

export const checks: Record<string, Look> = {
  'nothing waits to be tried again': nothingWaits,
  'every order has ended as it may': everyOrderEnded,
  'every fork went one way': everyForkOneWay,
  'stock moved for what was completed, and only for that': stockAgrees,
  'money: charged once, given back when cancelled': moneyAgrees,
  'parcels: one for each order that was shipped': parcelsAgree,
  'the audit log has every event once': auditIsWhole,
  'no story has a gap': storiesAreWhole,
  'customers were told of everything': customersAreTold,
  'no queue holds anything': queuesAreEmpty,
  'every dead letter is accounted for': lettersAreAccounted,
  'no outbox holds anything': outboxesAreEmpty,
}

export async function check(name: string, look: Look, evidence: Evidence): Promise<Check> {
  const violations: Violation[] = []
  const looked = await look(evidence, (subject, what) => violations.push({ check: name, subject, what }))
  if (looked === 0) violations.push({ check: name, subject: 'the simulation', what: 'there was nothing to look at' })
  return { name, looked, violations }
}

function everyOrderEnded({ plans, orders, world }: Evidence, complain: Complain): number {
  for (const { orderId, kind, mayEnd } of plans) {
    const { status = 'nowhere', reason = null } = orders.get(orderId) ?? {}
    const end = status === 'cancelled' ? String(reason) : status
    const allowed = world.witness.triedAgain.has(orderId) ? [...mayEnd, ...OUTAGES] : mayEnd
    if (!allowed.includes(end)) complain(orderId, `(${kind}) is ${status}, ${reason}; it may end ${allowed.join(', ')}`)
  }
  return plans.length
}

/** Each fork, after what it comes, and whether it must come then. */
const FORKS = [
  { after: 'order.created', ways: ['inventory.reserved', 'inventory.out_of_stock'] },
  { after: 'inventory.reserved', ways: ['payment.success', 'payment.failed'] },
  { after: 'payment.success', ways: ['shipping.prepared', 'shipping.failed'] },
  { after: 'order.created', ways: ['order.completed', 'order.cancelled'] },
]

function everyForkOneWay({ plans, events }: Evidence, complain: Complain): number {
  let looked = 0
  for (const { orderId } of plans) {
    const types = typesOf(events.get(orderId))
    for (const { after, ways } of FORKS) {
      if (!types.has(after)) continue
      looked += 1
      const taken = ways.filter((way) => types.has(way))
      if (taken.length !== 1) complain(orderId, `after ${after} there is ${taken.join(' and ') || 'nothing'}`)
    }
  }
  return looked
}

function stockAgrees({ plans, orders, events, stock }: Evidence, complain: Complain): number {
  const sold = new Map<string, number>()
  for (const { orderId, form } of plans) {
    if (orders.get(orderId)?.status !== 'completed') continue
    for (const item of form.items) {
      const { sku, quantity } = typeof item === 'string' ? { sku: item, quantity: 1 } : item
      sold.set(sku, (sold.get(sku) ?? 0) + quantity)
    }
    for (const { sku, quantity } of paidBackOf(events.get(orderId)).flatMap(({ lines }) => lines))
      sold.set(sku, (sold.get(sku) ?? 0) - quantity)
  }
  for (const { sku, available, reserved, committed } of stock) {
    const added = (events.get(sku) ?? []).reduce((sum, { data }) => sum + numberIn(data, 'addedQuantity'), 0)
    const wanted = sold.get(sku) ?? 0
    const left = (initialStock.get(sku) ?? 0) + added - wanted
    if (available !== left || reserved !== 0 || committed !== wanted)
      complain(sku, `${available} + ${reserved} + ${committed}; it should be ${left} + 0 + ${wanted}`)
  }
  return stock.length
}

async function moneyAgrees({ plans, orders, events, world }: Evidence, complain: Complain): Promise<number> {
  const { ledger, gateway } = world.outside
  const count = (orderId: string, type: RegExp) => (events.get(orderId) ?? []).filter(({ id }) => type.test(id)).length
  const asked = (orderId: string) => count(orderId, /\/order\.refund_requested\//)
  const answered = (orderId: string) => count(orderId, /\/payment\.(refunded|refund_refused)\//)
  for (const { orderId } of plans) {
    const order = orders.get(orderId)
    const charges = ledger.charges.get(orderId)?.size ?? 0
    const refunds = ledger.refunds.get(orderId)?.size ?? 0
    if (asked(orderId) !== answered(orderId)) complain(orderId, 'a refund that was asked for was not answered once')
    const books = await gateway.lookup(orderId)
    if (charges > 1 || refunds > 1) complain(orderId, `was charged ${charges} times and given back ${refunds} times`)
    else if (order?.status === 'completed') {
      const back = paidBackOf(events.get(orderId)).reduce((sum, { totalCents }) => sum + totalCents, 0)
      const wanted = back === order.total_cents ? 'refunded' : 'charged'
      if (books?.status !== wanted || books.amountCents !== order.total_cents || books.refundedCents !== back)
        complain(orderId, `is completed, ${back} given back; the provider says ${JSON.stringify(books)}`)
    } else if (books?.status === 'charged') complain(orderId, 'is cancelled, and its charge was not given back')
  }
  return plans.length
}

/** What was given back of an order that was delivered, by what payment says. */
function paidBackOf(told: readonly Told[] = []): { totalCents: number; lines: { sku: string; quantity: number }[] }[] {
  return told
    .filter(({ id }) => id.includes('/payment.refunded/'))
    .map(({ data }) => {
      const lines = fieldIn(data, 'lines')
      return {
        totalCents: numberIn(data, 'totalCents'),
        lines: Array.isArray(lines)
          ? lines.map((line) => ({ sku: textIn(line, 'sku'), quantity: numberIn(line, 'quantity') }))
          : [],
      }
    })
}

function parcelsAgree({ plans, events, world }: Evidence, complain: Complain): number {
  let looked = 0
  for (const { orderId } of plans) {
    const parcels = world.outside.ledger.parcels.get(orderId)?.size ?? 0
    const wanted = typesOf(events.get(orderId)).has('shipping.prepared') ? 1 : 0
    looked += wanted
    if (parcels > 1 || parcels < wanted) complain(orderId, `${parcels} parcels were taken`)
  }
  return looked
}

function auditIsWhole({ events, world }: Evidence, complain: Complain): number {
  const kept = new Set([...events.values()].flatMap((told) => told.map(({ id }) => id)))
  for (const [id, { subject }] of world.witness.events) if (!kept.has(id)) complain(subject, `${id} is not in the log`)
  for (const id of kept) if (!world.witness.events.has(id)) complain(id, 'is in the log, and nobody has said it')
  return kept.size
}

function storiesAreWhole({ plans, events, world }: Evidence, complain: Complain): number {
  const terms = { now: world.time.now().toISOString(), gapAfterMs: 60_000, money: String }
  for (const { orderId } of plans) {
    const story = storyOf(orderId, events.get(orderId) ?? [], terms)
    if (!story) complain(orderId, 'has no story')
    for (const { missing, after } of story?.gaps ?? [])
      complain(orderId, `${missing.join(' or ')} never followed ${after}`)
  }
  return plans.length
}

/** Of each notification that was asked for, every channel's provider has accepted it, or refused it for good. */
function customersAreTold({ plans, events, world }: Evidence, complain: Complain): number {
  const { accepted } = world.outside.ledger
  let looked = 0
  for (const { orderId, form } of plans) {
    const told = events.get(orderId) ?? []
    const tooLate = tooLateOf(told)
    for (const { type, data } of told) {
      if (type !== 'notification.requested' || form.contact?.email === REFUSED_ADDRESS) continue
      for (const channel of textsIn(data, 'channels')) {
        looked += 1
        const key = `${textIn(data, 'notificationId')}.${channel}`
        if (!accepted.has(key) && !tooLate.has(key)) complain(orderId, `no provider has accepted ${key}`)
      }
    }
  }
  return looked
}

/** Reminders that could only be sent after the deadline they remind of. */
function tooLateOf(told: readonly Told[]): Set<string> {
  const deadline = told.find(({ type }) => type === 'payment.confirmation_required')
  if (!deadline) return new Set()
  const expired = told.filter(
    ({ type, time }) => type === 'notification.expired' && time >= textIn(deadline.data, 'confirmBefore'),
  )
  return new Set(expired.map(({ data }) => `${textIn(data, 'notificationId')}.${textIn(data, 'channel')}`))
}

function queuesAreEmpty({ queues }: Evidence, complain: Complain): number {
  for (const { name, messages } of queues) if (messages > 0) complain(name, `still holds ${messages}`)
  return queues.length
}

/** What came back as often as it was sent again must be garbage, or mail that is refused for good. */
function lettersAreAccounted({ letters, plans, queues }: Evidence, complain: Complain): number {
  const refused = new Set(plans.filter(({ form }) => form.contact?.email === REFUSED_ADDRESS).map((it) => it.orderId))
  for (const { queue, id, type, subject, reason, arrivals, replays } of letters) {
    const isMended = arrivals <= replays
    const isExpected = type === 'garbage' || (type === 'notification.requested' && refused.has(subject))
    if (!isMended && !isExpected) complain(subject, `${id} cannot be handled: ${reason}, in ${queue}`)
  }
  return queues.filter(({ name }) => name.endsWith('.dlq')).length
}

function outboxesAreEmpty({ outboxRows }: Evidence, complain: Complain): number {
  for (const { service, rows } of outboxRows) if (rows > 0) complain(service, `${rows} messages were never published`)
  return outboxRows.length
}

function nothingWaits({ retries }: Evidence, complain: Complain): number {
  for (const { service, rows } of retries)
    for (const { id, why } of rows) complain(service, `${id} still waits: ${why}`)
  return retries.length
}

function typesOf(events: readonly Told[] = []): Set<string> {
  return new Set(events.map(({ type }) => type))
}

function fieldIn(data: unknown, name: string): unknown {
  return typeof data === 'object' && data !== null ? Object.entries(data).find(([key]) => key === name)?.[1] : undefined
}

const numberIn = (data: unknown, name: string) => Number(fieldIn(data, name) ?? 0)
const textIn = (data: unknown, name: string) => String(fieldIn(data, name))

function textsIn(data: unknown, name: string): string[] {
  const value = fieldIn(data, name)
  return Array.isArray(value) ? value.map(String) : []
}
