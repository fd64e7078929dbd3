// What should follow news that customers are told: each channel asked for, held or ended, and what came of asking.
import { channels, toldAs, topology } from '@orders/shared/contracts'
import { listIn, textIn } from './fields.ts'
import { detailOf, type Expectation, type Told } from './told.ts'

/** News that customers are told: whatever notification-service hears. */
const TOLD = topology.bindings
  .filter(({ destination }) => destination === 'notification.queue')
  .map(({ pattern }) => pattern)

/** Calls to the outside are tried for a minute. */
export const OUTSIDE = 3
/** Nothing more will come by itself. */
export const GIVEN_UP = 0

export function expectedOfNews(event: Told): Expectation[] {
  if (TOLD.includes(event.type)) return isAboutSomebody(event) ? [anyWayOf(newsOf(event))] : []
  if (isUntold(event.type)) return [askedAgain(event)]
  const about = waysOf(event)
  if (event.type === 'notification.requested') return about.map(answerTo)
  return event.type === 'notification.held' ? about.map((way) => endOf(event, way)) : []
}

const UNTOLD = ['notification.failed', 'notification.undelivered']
/** Whether it says that a customer could not be told. */
export const isUntold = (type: string) => UNTOLD.includes(type)

/** An operator sends it again, under the next number; or what failed was sent all the same, such as a replayed dead letter. */
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

/** An older payment-service says of a refund only how much it was: then there is nobody to tell. */
function isAboutSomebody({ type, data }: Told): boolean {
  return type !== 'payment.refunded' || textIn(data, 'user') !== undefined
}

const names = new Map<string, string>(Object.entries(toldAs))

/** What the notification is called: with the detail, where an order has several of one kind, such as refunds. */
function newsOf(event: Told): string {
  const detail = detailOf(event)
  const name = names.get(event.type) ?? event.type
  return detail === '' ? name : `${name}.${detail.replaceAll('/', '.')}`
}

/** One channel at least was asked for, is held or has ended; each of the others has a time of its own. */
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

/** Nobody keeps us waiting before the hold is over. */
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

/** `order.paid.email`: the channels, one by one, that are asked for or held by one event; its id alone names them all. */
export function waysOf(event: Told): string[] {
  const { type, data } = event
  const isHeld = type === 'notification.held'
  if (!isHeld && type !== 'notification.requested') return []
  const about = isHeld ? detailOf(event).replace(/\.\d{4}-\d\d-\d\dT[^/]*$/, '') : detailOf(event)
  // `order.paid.email.2` is asked for again, by an operator.
  const [, again = ''] = /(?:\.(?:email|sms|push|webhook))(\.\d+)$/.exec(about) ?? []
  const news = about.replace(/(\.(email|sms|push|webhook))+(\.\d+)?$/, '')
  const named = isHeld ? [textIn(data, 'channel') ?? ''] : listIn(data, 'channels')
  return named.map((channel) => `${news}.${channel}${again}`)
}

/** Without the holds that went on: a channel is held until the last of its times. */
export function withoutEarlierHolds(events: readonly Told[]): Told[] {
  const last = new Map<string, Told>()
  for (const event of events.filter(({ type }) => type === 'notification.held'))
    for (const way of waysOf(event)) if (untilOf(last.get(way)) <= untilOf(event)) last.set(way, event)
  const kept = new Set(last.values())
  return events.filter((event) => event.type !== 'notification.held' || kept.has(event))
}

const untilOf = (hold: Told | undefined) => textIn(hold?.data, 'until') ?? ''
