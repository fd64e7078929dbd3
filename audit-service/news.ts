// What must follow news for customers: each channel is requested, held or ended, and each request has an outcome.
import { channels, toldAs, topology } from '@orders/shared/contracts'
import { listIn, textIn } from './fields.ts'
import { detailOf, type Expectation, type Told } from './told.ts'

/** The event types about which customers are notified: those that notification-service consumes. */
const TOLD = topology.bindings
  .filter(({ destination }) => destination === 'notification.queue')
  .map(({ pattern }) => pattern)

/** An outside call may take three times the usual wait, since it is retried. */
export const OUTSIDE = 3
/** Nothing more comes by itself. */
export const GIVEN_UP = 0

export function expectedOfNews(event: Told): Expectation[] {
  if (TOLD.includes(event.type)) return isAboutSomebody(event) ? [anyWayOf(newsOf(event))] : []
  if (isUntold(event.type)) return [askedAgain(event)]
  const about = waysOf(event)
  if (event.type === 'notification.requested') return about.map(answerTo)
  return event.type === 'notification.held' ? about.map((way) => endOf(event, way)) : []
}

const UNTOLD = ['notification.failed', 'notification.undelivered']
/** Whether the event says that a customer could not be notified. */
export const isUntold = (type: string) => UNTOLD.includes(type)

/**
 * An operator sends it again, under the next number. Or the message reaches the customer after all, for example after a replay.
 */
function askedAgain(event: Told): Expectation {
  const way = detailOf(event)
  const [, first = way, number = '1'] = /^(.*?)(?:\.(\d+))?$/.exec(way) ?? []
  const sent = event.type === 'notification.failed' ? [`notification.sent/${way}`] : []
  return {
    oneOf: [`notification.requested/${first}.${Number(number) + 1}`],
    unless: [...sent, `notification.delivered/${way}`, `notification.superseded/${way}`],
    patience: GIVEN_UP,
  }
}

/** An earlier payment-service publishes a refund with its amount only. Then there is nobody to notify. */
function isAboutSomebody({ type, data }: Told): boolean {
  return type !== 'payment.refunded' || textIn(data, 'user') !== undefined
}

const names = new Map<string, string>(Object.entries(toldAs))

/** The name of the notification. It contains the detail if an order can have several of a kind, such as refunds. */
function newsOf(event: Told): string {
  const detail = detailOf(event)
  const name = names.get(event.type) ?? event.type
  return detail === '' ? name : `${name}.${detail.replaceAll('/', '.')}`
}

/** At least one channel must be requested, held or ended. The other channels may follow, each at its own time. */
function anyWayOf(news: string): Expectation {
  const ways = channels.map((channel) => `${news}.${channel}`)
  return {
    oneOf: [`notification.requested/${news}`],
    unless: ways.flatMap((way) => [`notification.requested/${way}`, `notification.held/${way}`, ...endingsOf(way)]),
    patience: 1,
  }
}

function answerTo(way: string): Expectation {
  return {
    oneOf: [`notification.sent/${way}`, `notification.failed/${way}`],
    unless: endingsOf(way),
    patience: OUTSIDE,
  }
}

/** It is not overdue before the hold ends. */
function endOf({ type, time, data }: Told, way: string): Expectation {
  const held = { until: textIn(data, 'until') ?? time, because: textIn(data, 'reason') ?? 'other' }
  return {
    after: `${type}/${way}`,
    oneOf: [`notification.requested/${way}`],
    unless: endingsOf(way),
    patience: 1,
    held,
  }
}

const endingsOf = (way: string) =>
  ['digested', 'opted_out', 'expired', 'cancelled', 'superseded', 'failed'].map(
    (ending) => `notification.${ending}/${way}`,
  )

/**
 * Such as `order.paid.email`: one for each channel that the event requests or holds. The event's id names all of them together.
 */
export function waysOf(event: Told): string[] {
  const { type, data } = event
  const isHeld = type === 'notification.held'
  if (!isHeld && type !== 'notification.requested') return []
  const about = isHeld ? detailOf(event).replace(/\.\d{4}-\d\d-\d\dT[^/]*$/, '') : detailOf(event)
  // `order.paid.email.2` is a repeat that an operator requested.
  const [, again = ''] = /(?:\.(?:email|sms|push|webhook))(\.\d+)$/.exec(about) ?? []
  const news = about.replace(/(\.(email|sms|push|webhook))+(\.\d+)?$/, '')
  const named = isHeld ? [textIn(data, 'channel') ?? ''] : listIn(data, 'channels')
  return named.map((channel) => `${news}.${channel}${again}`)
}

/** Leaves out holds that were extended: of each channel only the hold with the latest time counts. */
export function withoutEarlierHolds(events: readonly Told[]): Told[] {
  const last = new Map<string, Told>()
  for (const event of events.filter(({ type }) => type === 'notification.held'))
    for (const way of waysOf(event)) if (untilOf(last.get(way)) <= untilOf(event)) last.set(way, event)
  const kept = new Set(last.values())
  return events.filter((event) => event.type !== 'notification.held' || kept.has(event))
}

const untilOf = (hold: Told | undefined) => textIn(hold?.data, 'until') ?? ''
