// Describes each event in a sentence. An event of an unknown type is described by its type.
import { countIn, fieldIn, listIn, numberIn, textIn } from './fields.ts'

interface Spoken {
  id: string
  type: string
  subject: string
  source: string
  data: unknown
}

/** A sentence contains no address and no card, since many people read stories. */
export function sentenceOf(event: Spoken, money: Money): string {
  const say = Object.hasOwn(sentences, event.type) ? sentences[event.type] : undefined
  return say ? say(event, money) : `${event.source.replace(/^\//, '')} published ${event.type}`
}

export type Money = (cents: number) => string
type Say = (event: Spoken, money: Money) => string

const sentences: Record<string, Say> = {
  'order.created': ({ data }) => `${textIn(data, 'user') ?? 'a customer'} ordered ${lines(data)}${express(data)}`,
  'order.cancel_requested': () => 'the customer asked to cancel',
  'order.refund_requested': ({ data }, money) => `an operator requested a refund${total(data, money)}${reason(data)}`,
  'order.paid': () => 'the order is paid',
  'order.shipped': ({ data }) => `the order is on its way${because(textIn(data, 'trackingId'), ', tracking number ')}`,
  'order.completed': () => 'the order is complete',
  'order.cancelled': ({ data }) => `the order is cancelled${reason(data)}`,
  'inventory.reserved': ({ data }, money) => `inventory reserved ${lines(data)}${total(data, money)}`,
  'inventory.out_of_stock': ({ data }) => `inventory does not have enough of ${missing(data)}`,
  'inventory.price_changed': ({ data }, money) =>
    `inventory reserved nothing: the order costs ${amount(data, 'totalCents', money)}, but its customer expected ${amount(data, 'expectedTotalCents', money)}`,
  'inventory.committed': () => 'inventory sold the goods',
  'inventory.released': ({ data }) => `inventory made the goods available again${reason(data)}`,
  'inventory.returned': ({ data }) => `inventory put ${lines(data)} back into stock`,
  'inventory.restocked': ({ data }) =>
    `an operator changed the stock to ${numberIn(data, 'available') ?? 'another number'}`,
  'payment.success': ({ data }, money) => `payment charged the customer${total(data, money)}`,
  'payment.failed': ({ data }) => `the order will not be paid${reason(data)}`,
  'payment.confirmation_required': ({ data }, money) =>
    `payment asked the customer to confirm${total(data, money)}${because(textIn(data, 'confirmBefore'), ', until ')}`,
  'payment.refunded': ({ data }, money) => `payment refunded the customer${total(data, money)}`,
  'payment.refund_refused': ({ data }) => `payment refused the refund${reason(data)}`,
  'payment.refund_abandoned': ({ data }, money) =>
    `the refund owed to the customer was given up${total(data, money)}${reason(data)}`,
  'payment.voided': () => 'the payment provider confirmed that the customer was never charged',
  'shipping.prepared': ({ data }) =>
    `${textIn(data, 'carrier') ?? 'the carrier'} took the parcel${because(textIn(data, 'trackingId'), ', tracking number ')}`,
  'shipping.failed': ({ data }) => `the carrier refused the parcel${reason(data)}`,
  'operator.acted': ({ data }) =>
    `${textIn(data, 'operator') ?? 'an operator'} did ${textIn(data, 'action') ?? 'something'}${reason(data)}`,
  'order.customer_exported': ({ data }) =>
    `${textIn(data, 'operator') ?? 'an operator'} exported all data about the customer${reason(data)}`,
  'shipping.delivered': () => 'the parcel reached the customer',
  'notification.requested': ({ data, ...event }) =>
    fieldIn(data, 'again') === undefined
      ? `the customer will be notified about ${detailOf(event)}${because(listIn(data, 'channels').join(' and '), ' by ')}`
      : `an operator requested another notification about ${newsOf(event)}${because(listIn(data, 'channels').join(' and '), ' by ')}${reason(fieldIn(data, 'again'))}`,
  'notification.held': ({ data, ...event }) =>
    `the notification about ${newsOf(event)}${because(textIn(data, 'channel'), ' by ')} is held${because(textIn(data, 'until'), ' until ')}${reasonOfHold(data)}`,
  'notification.sent': ({ data, ...event }) =>
    fieldIn(data, 'isStandIn') === true
      ? `the customer was not notified about ${newsOf(event)}${because(textIn(data, 'channel'), ': ')} has no provider, only a stand-in${because(textIn(data, 'provider'), ', ')}`
      : `the customer was notified about ${newsOf(event)}${because(textIn(data, 'channel'), ' by ')}${because(textIn(data, 'provider'), ', through ')}`,
  'notification.failed': ({ data, ...event }) =>
    `the notification about ${newsOf(event)}${because(textIn(data, 'channel'), ' by ')} failed${reason(data)}`,
  'notification.expired': ({ data, ...event }) =>
    `the notification about ${newsOf(event)}${because(textIn(data, 'channel'), ' by ')} expired`,
  'notification.cancelled': ({ data, ...event }) =>
    `the notification about ${newsOf(event)}${because(textIn(data, 'channel'), ' by ')} was cancelled`,
  'notification.opted_out': ({ data, ...event }) =>
    `the customer has opted out of the notification about ${newsOf(event)}${because(textIn(data, 'channel'), ' by ')}`,
  'notification.superseded': ({ data, ...event }) =>
    `the notification about ${newsOf(event)}${because(textIn(data, 'channel'), ' by ')} was dropped: a later event superseded it${because(textIn(data, 'supersededBy'), ', ')}`,
  'notification.digested': ({ data, ...event }) =>
    `the notification about ${newsOf(event)}${because(textIn(data, 'channel'), ' by ')} became part of a digest`,
  'notification.delivered': ({ data, ...event }) =>
    `the notification about ${newsOf(event)} reached the customer${because(textIn(data, 'channel'), ' by ')}`,
  'notification.undelivered': ({ data, ...event }) =>
    `the notification about ${newsOf(event)} did not reach the customer${because(textIn(data, 'channel'), ' by ')}${reason(data)}`,
}

function lines(data: unknown): string {
  const count = countIn(data, 'lines')
  return count === 1 ? '1 line' : `${count} lines`
}

function express(data: unknown): string {
  return textIn(data, 'priority') === 'express' ? ', express' : ''
}

function total(data: unknown, money: Money): string {
  const cents = numberIn(data, 'totalCents')
  return cents === undefined ? '' : `, total ${money(cents)}`
}

function amount(data: unknown, field: string, money: Money): string {
  const cents = numberIn(data, field)
  return cents === undefined ? 'another amount' : money(cents)
}

function missing(data: unknown): string {
  const value = fieldIn(data, 'missing')
  const skus = Array.isArray(value) ? value.map((item) => textIn(item, 'sku') ?? 'something') : []
  return skus.length === 0 ? 'something' : skus.join(', ')
}

function reason(data: unknown): string {
  return because(textIn(data, 'reason'), ': ')
}

function because(text: string | undefined, before: string): string {
  return text === undefined || text === '' ? '' : `${before}${text}`
}

/** The detail of an event's id: `123/notification.requested/order.paid` is about `order.paid`. */
function detailOf({ id, subject, type }: Omit<Spoken, 'data'>): string {
  const before = `${subject}/${type}/`
  return id.startsWith(before) ? id.slice(before.length) : 'something'
}

/**
 * The detail without the channel and what follows it, such as the time of a hold: `order.paid` in
 * `123/notification.sent/order.paid.email`.
 */
function newsOf(event: Omit<Spoken, 'data'>): string {
  return detailOf(event).replace(/\.(email|sms|push|webhook)(\.\d{4}-\d\d-\d\dT[^/]*|\.\d+)?$/, '')
}

const holds: Record<string, string> = {
  quiet_hours: ' because of quiet hours',
  digest: ' for a digest',
  throttled: ' because of the throttle',
}

function reasonOfHold(data: unknown): string {
  const why = textIn(data, 'reason') ?? ''
  return Object.hasOwn(holds, why) ? (holds[why] ?? '') : because(why, ': ')
}
