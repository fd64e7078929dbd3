// What must be true once everything has come to rest. A check that had nothing to look at has failed.
import { type Complain, commonChecks, type Look, lettersAreAccounted } from '@orders/shared/testing'
import { storyOf } from '../../audit-service/story.ts'
import type { Told } from '../../audit-service/told.ts'
import type { Evidence } from './evidence.ts'
import { OUTAGES, REFUSED_ADDRESS } from './orders.ts'
import { initialStock } from './services.ts'

const WAITS = 'nothing waits to be tried again'
const { [WAITS]: waits, ...leftBehind } = commonChecks

/** What went wrong before what it leaves behind: the first that objects tells most. */
export const checks: Record<string, Look<Evidence>> = {
  [WAITS]: waits,
  'every order has ended as it may': everyOrderEnded,
  'every fork went one way': everyForkOneWay,
  'stock moved for what was completed, and only for that': stockAgrees,
  'money: charged once, given back when cancelled': moneyAgrees,
  'parcels: one for each order that was shipped': parcelsAgree,
  'the audit log has every event once': auditIsWhole,
  'no story has a gap': storiesAreWhole,
  'customers were told of everything': customersAreTold,
  'customers were told what was still true, in the order of the facts': toldInOrder,
  ...leftBehind,
  'every dead letter is accounted for': lettersAreExpected,
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
  { after: 'order.created', ways: ['inventory.reserved', 'inventory.out_of_stock', 'inventory.price_changed'] },
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
    const agreed = fieldIn(
      (events.get(orderId) ?? []).find(({ type }) => type === 'order.created')?.data,
      'expectedTotalCents',
    )
    if (agreed !== undefined && books?.status === 'charged' && books.amountCents !== agreed)
      complain(orderId, `was charged ${books.amountCents}, and its customer had agreed to ${agreed}`)
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
    for (const { missing, after } of story?.gaps.filter(({ status }) => status !== 'failed') ?? [])
      complain(orderId, `${missing.join(' or ')} never followed ${after}`)
  }
  return plans.length
}

/** Of each notification that was asked for, every channel's provider has accepted it, or refused it for good, or it was needless. */
function customersAreTold({ plans, events, world }: Evidence, complain: Complain): number {
  const { accepted } = world.outside.ledger
  let looked = 0
  for (const { orderId, form } of plans) {
    const told = events.get(orderId) ?? []
    const tooLate = tooLateOf(told)
    const needless = new Set(
      told
        .filter(({ type }) => type === 'notification.superseded')
        .map(({ data }) => `${textIn(data, 'notificationId')}.${textIn(data, 'channel')}`),
    )
    for (const { type, data } of told) {
      if (type !== 'notification.requested' || form.contact?.email === REFUSED_ADDRESS) continue
      for (const channel of textsIn(data, 'channels')) {
        looked += 1
        const key = `${textIn(data, 'notificationId')}.${channel}`
        if (!accepted.has(key) && !tooLate.has(key) && !needless.has(key))
          complain(orderId, `no provider has accepted ${key}`)
      }
    }
  }
  return looked
}

/** What an order comes to, step by step; it ends in one of two ways. */
const STEPS = [
  /^order\.created$/,
  /^payment\.confirmation_required$/,
  /^reminder\.\d+$/,
  /^order\.paid$/,
  /^order\.shipped$/,
  /^order\.(completed|cancelled)$/,
]

/** By the providers' own books: of one order and by one way, never an earlier step after a later one. */
function toldInOrder({ plans, world }: Evidence, complain: Complain): number {
  const last = new Map<string, { step: number; news: string }>()
  const orders = new Set(plans.map(({ orderId }) => orderId))
  let looked = 0
  for (const { notificationId, channel } of world.outside.ledger.told) {
    const [, orderId = '', news = ''] = /^([^.]+)\.(.+)$/.exec(notificationId) ?? []
    const step = STEPS.findIndex((pattern) => pattern.test(news))
    if (!orders.has(orderId) || step < 0) continue
    looked += 1
    const key = `${orderId} ${channel}`
    const before = last.get(key)
    if (before && step < before.step) complain(orderId, `is told ${news} by ${channel} after ${before.news}`)
    if (!before || step > before.step) last.set(key, { step, news })
  }
  return looked
}

/** Reminders that could only be sent after the deadline they remind of, or that had become needless while they waited. */
function tooLateOf(told: readonly Told[]): Set<string> {
  const deadline = told.find(({ type }) => type === 'payment.confirmation_required')
  if (!deadline) return new Set()
  const decision = told.find(({ type }) => type === 'payment.success' || type === 'payment.failed')
  const unsent = told.filter(
    ({ type, time }) =>
      (type === 'notification.expired' && time >= textIn(deadline.data, 'confirmBefore')) ||
      (type === 'notification.cancelled' && decision !== undefined && time >= decision.time),
  )
  return new Set(unsent.map(({ data }) => `${textIn(data, 'notificationId')}.${textIn(data, 'channel')}`))
}

/** What came back as often as it was sent again may be mail that is refused for good. */
function lettersAreExpected(evidence: Evidence, complain: Complain): number {
  const refused = refusedIn(evidence)
  return lettersAreAccounted(
    evidence,
    complain,
    ({ type, subject }) => type === 'notification.requested' && refused.has(subject),
  )
}

/** The orders whose mail is refused. */
export function refusedIn({ plans }: Pick<Evidence, 'plans'>): ReadonlySet<string> {
  return new Set(plans.filter(({ form }) => form.contact?.email === REFUSED_ADDRESS).map(({ orderId }) => orderId))
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
