// What customers are told, in words: one short message for each kind of news. Its looks are `channels/email-layout.ts`.
import type { Customer, Line, PricedLine } from '@orders/shared/contracts'

/** What the heard events know of their order; each knows a part of it. */
export interface Told extends Customer {
  lines?: (Line | PricedLine)[]
  totalCents?: number
  trackingId?: string
  reason?: string
  confirmBefore?: string
}

export const newsTypes = [
  'order.created',
  'order.paid',
  'order.shipped',
  'order.completed',
  'order.cancelled',
  'payment.confirmation_required',
] as const
export type NewsType = (typeof newsTypes)[number]

export interface ContentLine {
  sku: string
  quantity: number
  /** Of the whole line, as people read it: `€24.68`. */
  price?: string
}

/** A message's words, settled when it is requested: a later version of the service does not change what was to be said. */
export interface Content {
  subject: string
  heading: string
  tone: 'good' | 'attention' | 'bad' | 'plain'
  greeting?: string
  paragraphs: string[]
  /** How far the order is: 1 ordered, 2 paid, 3 shipped, 4 delivered. */
  step?: 1 | 2 | 3 | 4
  orderId?: string
  lines: ContentLine[]
  total?: string
  next?: string
}

export type Money = (cents: number) => string

/** Amounts as people read them. Building a formatter costs fifty times what using it does, so it is built once. */
export function moneyIn(currency: string): Money {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency })
  return (cents) => format.format(cents / 100)
}

type Words = Pick<Content, 'subject' | 'heading' | 'tone' | 'paragraphs' | 'step' | 'next'>

export function contentOf(type: NewsType, orderId: string, told: Told, money: Money): Content {
  const total = told.totalCents === undefined ? undefined : money(told.totalCents)
  return {
    ...words[type](orderId, told, total),
    greeting: greetingFor(told.user),
    orderId,
    lines: (told.lines ?? []).map((line) => contentLine(line, money)),
    ...(total !== undefined && { total }),
  }
}

/** What somebody wrote by hand for `POST /notifications`. */
export function plainContent(subject: string, body: string): Content {
  const paragraphs = body.split(/\n{2,}/).filter((paragraph) => paragraph.trim() !== '')
  return { subject, heading: subject, tone: 'plain', paragraphs, lines: [] }
}

const words: Record<NewsType, (orderId: string, told: Told, total: string | undefined) => Words> = {
  'order.created': (orderId) => ({
    subject: `We have your order ${orderId}`,
    heading: 'Thank you for your order',
    tone: 'good',
    step: 1,
    paragraphs: [`Your order ${orderId} has reached us.`],
    next: 'We set your goods aside and take the payment. You hear from us as soon as that is done.',
  }),
  'order.paid': (orderId, _, total) => ({
    subject: `Order ${orderId} is paid`,
    heading: 'Your payment has arrived',
    tone: 'good',
    step: 2,
    paragraphs: [`We received ${total ?? 'your payment'} for order ${orderId}. Thank you!`],
    next: 'We hand your parcel to the carrier and tell you when it is on its way.',
  }),
  'order.shipped': (orderId, { trackingId }) => ({
    subject: `Order ${orderId} is on its way`,
    heading: 'Your parcel is on its way',
    tone: 'good',
    step: 3,
    paragraphs: [
      'The carrier has taken over your parcel.',
      ...(trackingId === undefined ? [] : [`Its tracking number is ${trackingId}.`]),
    ],
    next: 'We tell you when it has arrived.',
  }),
  'order.completed': (orderId) => ({
    subject: `Order ${orderId} has arrived`,
    heading: 'Your parcel has arrived',
    tone: 'good',
    step: 4,
    paragraphs: [`Order ${orderId} was delivered. We hope you enjoy it!`],
    next: 'Nothing is left for you to do.',
  }),
  'order.cancelled': (orderId, { reason = '' }) => ({
    subject: `Order ${orderId} is cancelled`,
    heading: 'Your order is cancelled',
    tone: 'bad',
    paragraphs: [(cancellations.get(reason) ?? otherwise).why],
    next: (cancellations.get(reason) ?? otherwise).money,
  }),
  'payment.confirmation_required': (orderId, { confirmBefore }, total) => ({
    subject: `Please confirm your payment for order ${orderId}`,
    heading: 'One word from you, please',
    tone: 'attention',
    step: 1,
    paragraphs: [`Your order comes to ${total ?? 'a large amount'}. With an amount like this we ask before we charge.`],
    next: `Please confirm the payment${confirmBefore === undefined ? '' : ` before ${moment(confirmBefore)}`}. Without your word the order is cancelled and you are not charged.`,
  }),
}

const notCharged = 'You were not charged.'
const otherwise = {
  why: 'We are sorry: we cannot deliver this order.',
  money: 'If you have paid already, the money is on its way back to you.',
}
const cancellations = new Map([
  ['out_of_stock', { why: 'We are sorry: not everything you ordered is in stock.', money: notCharged }],
  ['declined', { why: 'Your payment was declined.', money: notCharged }],
  [
    'gateway_unavailable',
    {
      why: 'We are sorry: the payment provider could not be reached.',
      money: 'Should a charge show up all the same, it is given back by itself.',
    },
  ],
  ['cancelled_by_customer', { why: 'As you asked, we cancelled your order.', money: notCharged }],
  ['confirmation_timeout', { why: 'We did not get your confirmation in time.', money: notCharged }],
])

/** Nobody is called by an address. */
function greetingFor(user: string): string {
  return user.includes('@') ? 'Hello,' : `Hello ${user},`
}

function contentLine(line: Line | PricedLine, money: Money): ContentLine {
  const { sku, quantity } = line
  return 'unitPriceCents' in line ? { sku, quantity, price: money(quantity * line.unitPriceCents) } : { sku, quantity }
}

const MONTHS = 'January February March April May June July August September October November December'.split(' ')

/** `2026-11-21T08:30:00.000Z` as `21 November 2026, 08:30 UTC`. */
function moment(instant: string): string {
  const [, year, month, day, time] = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}:\d{2})/.exec(instant) ?? []
  return `${Number(day)} ${MONTHS[Number(month) - 1]} ${year}, ${time} UTC`
}
