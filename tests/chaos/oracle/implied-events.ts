// Which events the rows of the services imply, and which rows each event does: the two directions of "no state change
// without its event, no event without its state change", worked out anew from what each service promises to say.
import { groupBy, notificationOf } from './check.ts'
import { isTaken, type NotificationRow, type Snapshot } from './snapshot.ts'

/** What customers are told, by what it follows from: that an order has arrived is told once it has a price. */
const TOLD = new Map([
  ['inventory.reserved', 'order.created'],
  ['order.paid', 'order.paid'],
  ['order.shipped', 'order.shipped'],
  ['order.completed', 'order.completed'],
  ['order.cancelled', 'order.cancelled'],
  ['payment.confirmation_required', 'payment.confirmation_required'],
])
const CAUSES = new Map([...TOLD].map(([cause, news]) => [news, cause]))
/** Told where the event names the customer; an order may have several. */
const REFUND = /^payment\.refunded(?:\.(.+))?$/
const PROGRESS = ['order.paid', 'order.shipped', 'order.completed']

export interface Implied {
  /** Must be in the audit log. */
  required: Set<string>
  /** May be: a notification that failed before it was sent. */
  allowed: Set<string>
}

export function impliedEvents(snapshot: Snapshot): Implied {
  const required = new Set<string>([
    ...fromFacts(snapshot),
    ...fromGoods(snapshot),
    ...fromPayments(snapshot),
    ...fromShipments(snapshot),
  ])
  const needless = needlessIn(snapshot)
  for (const id of [...required]) {
    const [, orderId = '', type = ''] = /^(.+)\/([a-z]+\.[a-z_]+)$/.exec(id) ?? []
    const news = TOLD.get(type)
    const isNeedless = needless.has(`${orderId}.${news}`)
    if (news !== undefined && !isNeedless) required.add(`${orderId}/notification.requested/${news}`)
  }
  const told = fromNotifications(snapshot)
  for (const id of told.required) required.add(id)
  return { required, allowed: new Set(told.allowed) }
}

function fromFacts({ facts }: Snapshot): string[] {
  const said: Record<string, string> = {
    'payment.success': 'order.paid',
    'shipping.prepared': 'order.shipped',
    'shipping.delivered': 'order.completed',
    'inventory.out_of_stock': 'order.cancelled',
    'inventory.price_changed': 'order.cancelled',
    'payment.failed': 'order.cancelled',
    'shipping.failed': 'order.cancelled',
  }
  // A fact has the name of the event that told it. Of an order that is over already no progress is said: news of a payment may
  // be learnt after the carrier's refusal.
  const over = new Set<string>()
  return facts.flatMap(({ order_id, type }) => {
    const isOver = over.has(order_id)
    if (said[type] === 'order.cancelled') over.add(order_id)
    const names = isOver && PROGRESS.includes(said[type] ?? '') ? [type] : [type, said[type] ?? type]
    return names.map((name) => `${order_id}/${name}`)
  })
}

function fromGoods({ reservations, stock }: Snapshot): string[] {
  const restocks = stock.flatMap(({ sku, restocks: count }) =>
    Array.from({ length: count }, (_, index) => `${sku}/inventory.restocked/${index + 1}`),
  )
  const decided = reservations.flatMap(({ order_id, outcome, facts }) => {
    if (outcome === null) return []
    if (outcome !== 'reserved') return [`${order_id}/inventory.${outcome}`]
    const known = JSON.parse(facts) as string[]
    const isBack = known.includes('payment.failed') || known.includes('shipping.failed')
    return [
      `${order_id}/inventory.reserved`,
      ...(known.includes('payment.success') ? [`${order_id}/inventory.committed`] : []),
      ...(isBack ? [`${order_id}/inventory.released`] : []),
    ]
  })
  return [...restocks, ...decided]
}

function fromPayments({ payments, shipments }: Snapshot): string[] {
  // A refund follows a success that could not be shipped, or a failure whose charge turned up afterwards.
  const handedOver = new Set(shipments.map(({ order_id }) => order_id))
  return payments.flatMap(({ order_id, status, confirm_before }) => {
    const isRefunded = status === 'refunded'
    const succeeded = status === 'succeeded' || (isRefunded && handedOver.has(order_id))
    const failed = status === 'failed' || (isRefunded && !handedOver.has(order_id))
    return [
      ...(succeeded ? [`${order_id}/payment.success`] : []),
      ...(failed ? [`${order_id}/payment.failed`] : []),
      ...(isRefunded ? [`${order_id}/payment.refunded`] : []),
      ...(confirm_before === null ? [] : [`${order_id}/payment.confirmation_required`]),
    ]
  })
}

function fromShipments({ shipments }: Snapshot): string[] {
  return shipments.flatMap(({ order_id, status }) => {
    if (status === 'failed') return [`${order_id}/shipping.failed`]
    return [`${order_id}/shipping.prepared`, ...(status === 'delivered' ? [`${order_id}/shipping.delivered`] : [])]
  })
}

function fromNotifications({ notifications, deliveries, attempts, events, sentAgain, released }: Snapshot) {
  const byId = new Map(notifications.map((notification) => [notification.id, notification]))
  const eventOf = (notificationId: string, outcome: string, channel: string) => {
    const { subject, event_type } = byId.get(notificationId) ?? { subject: notificationId, event_type: 'unknown' }
    return `${subject}/notification.${outcome}/${event_type}.${channel}`
  }
  // A step of a sequence is asked for when it is due, if it is not called off before.
  const news = notifications.filter(({ event_type }) => causeOf(event_type) !== undefined)
  const needless = needlessIn({ deliveries })
  // The last release tells of an order when it is placed, before anything is set aside for it.
  const isToldEarlier = (eventType: string) => eventType === 'order.created' && released.includes('notification')
  const requested = news.flatMap(({ id, subject, order_id, event_type }) => [
    // What later news has made needless may never have been asked for.
    ...(needless.has(id) ? [] : [`${subject}/notification.requested/${event_type}`]),
    // The news itself: nobody is told what did not happen.
    ...(order_id === null || isToldEarlier(event_type) ? [] : [`${order_id}/${causeOf(event_type)}`]),
  ])
  const outcomes = deliveries.flatMap(({ notification_id, channel, status }) =>
    status === 'waiting' || status === 'held'
      ? []
      : [eventOf(notification_id, isTaken(status) ? 'sent' : status, channel)],
  )
  const stepsThat = (...statuses: string[]) =>
    deliveries.flatMap(({ notification_id, status }) => {
      const notification = byId.get(notification_id)
      return isStep(notification) && statuses.includes(status)
        ? [`${notification.subject}/notification.requested/${notification.event_type}`]
        : []
    })
  const steps = stepsThat('waiting', 'sent', 'simulated', 'failed')
  // Its time may be over, or it may have become needless, before it is asked for or while its request waits.
  const unsent = [
    ...stepsThat('expired', 'superseded'),
    ...news
      .filter(({ id }) => needless.has(id))
      .map(({ subject, event_type }) => `${subject}/notification.requested/${event_type}`),
    // Or for those channels only by which nothing was said later.
    ...events
      .filter(({ type, id }) => type === 'notification.requested' && needless.has(notificationOf(id)))
      .map(({ id }) => id),
  ]
  // What makes it needless may be heard while the provider has it in hand.
  const superseded = deliveries
    .filter(({ status }) => isTaken(status))
    .map(({ notification_id, channel }) => eventOf(notification_id, 'superseded', channel))
  const failures = attempts.map(({ notification_id, channel }) => eventOf(notification_id, 'failed', channel))
  // Its patience may end while its provider is left alone, after a call that the process did not survive: no attempt tells.
  const givenUp = sentAgain.flatMap(({ queue, id }) => {
    const channel = /^notification\.(.+)\.dlq$/.exec(queue)?.[1]
    const { subject, event_type } = byId.get(notificationOf(id)) ?? {}
    return channel === undefined ? [] : [`${subject}/notification.failed/${event_type}.${channel}`]
  })
  return {
    required: [...requested, ...steps, ...outcomes],
    allowed: [...unsent, ...superseded, ...failures, ...givenUp],
  }
}

/** The notifications that later news has made needless by some channel. */
function needlessIn({ deliveries }: Pick<Snapshot, 'deliveries'>): Set<string> {
  return new Set(
    deliveries.flatMap(({ notification_id, status }) => (status === 'superseded' ? [notification_id] : [])),
  )
}

/** The event that the news follows from; undefined for what is no news of an order. */
function causeOf(eventType: string): string | undefined {
  const [isRefund, detail] = REFUND.exec(eventType) ?? []
  if (isRefund === undefined) return CAUSES.get(eventType)
  return detail === undefined ? 'payment.refunded' : `payment.refunded/${detail}`
}

function isStep(notification: NotificationRow | undefined): notification is NotificationRow {
  return notification !== undefined && /^(reminder|follow_up)\.\d+$/.test(notification.event_type)
}

interface Heard {
  by: string
  /** Whether this service's rows show that it has heard of the event. */
  shows(orderId: string): boolean
}

/** By the event's type, who must have heard of it. */
export function hearers({ facts, reservations, payments, shipments }: Snapshot): Map<string, Heard[]> {
  const factsOf = new Set(facts.map(({ order_id, type }) => `${order_id} ${type}`))
  const goods = groupBy(reservations, ({ order_id }) => order_id)
  const paid = new Set(payments.map(({ order_id }) => order_id))
  const shipped = new Set(shipments.map(({ order_id }) => order_id))
  const order = (type: string): Heard => ({ by: 'order', shows: (id) => factsOf.has(`${id} ${type}`) })
  const inventory = (type: string): Heard => ({
    by: 'inventory',
    shows: (id) => (goods.get(id) ?? []).some(({ facts: known }) => (JSON.parse(known) as string[]).includes(type)),
  })
  const reserved: Heard = {
    by: 'inventory',
    shows: (id) => (goods.get(id) ?? []).some(({ outcome }) => outcome !== null),
  }
  const payment: Heard = { by: 'payment', shows: (id) => paid.has(id) }
  const shipping: Heard = { by: 'shipping', shows: (id) => shipped.has(id) }
  return new Map([
    ['order.created', [reserved]],
    ['order.cancel_requested', [payment]],
    ['inventory.reserved', [order('inventory.reserved'), payment]],
    ['inventory.out_of_stock', [order('inventory.out_of_stock')]],
    ['inventory.price_changed', [order('inventory.price_changed')]],
    ['payment.confirmation_required', [order('payment.confirmation_required')]],
    ['payment.success', [order('payment.success'), inventory('payment.success'), shipping]],
    ['payment.failed', [order('payment.failed'), inventory('payment.failed')]],
    ['shipping.prepared', [order('shipping.prepared')]],
    ['shipping.failed', [order('shipping.failed'), inventory('shipping.failed'), payment]],
    ['shipping.delivered', [order('shipping.delivered')]],
  ])
}
