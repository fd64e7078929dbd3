// Checks of what customers were told, by the providers' own records: at least once, but for the window once, and in the order of the
// facts.
import { type Check, groupBy, notificationOf } from './check.ts'
import { type Accepted, isTaken, type Snapshot, type Window } from './snapshot.ts'

/** Each channel of each notification that was asked for: `<notification>.<channel>`, as the providers know it. */
function wantedOf({ events }: Snapshot): string[] {
  return events.flatMap(({ type, id, data }) => {
    if (type !== 'notification.requested') return []
    return (data?.channels ?? []).map((channel) => `${notificationOf(id)}.${channel}`)
  })
}

/** By the news, what may make it needless: what it says is not true any more, or was said already in better words. */
const LATER = new Map([
  ['order.created', /^(order\.(paid|shipped|completed|cancelled)$|payment\.|reminder)/],
  ['payment.confirmation_required', /^(order\.(paid|shipped|completed|cancelled)$|reminder)/],
  ['reminder', /^(order\.(paid|shipped|completed|cancelled)$|reminder)/],
  ['order.paid', /^order\.(shipped|completed|cancelled)$/],
  ['order.shipped', /^order\.(completed|cancelled)$/],
])

/** `<order>.<news>`. */
function newsIn(notificationId: string): [orderId: string, news: string] {
  const [, orderId = '', news = ''] = /^(.+?)\.((?:order|payment|reminder|follow_up)\..+)$/.exec(notificationId) ?? []
  return [orderId, news]
}

export const toldAtLeastOnce: Check = (snapshot) => {
  const taken = new Set(snapshot.accepted.map(({ id }) => id))
  const expiry = new Map(snapshot.notifications.map(({ id, expires_at }) => [id, expires_at]))
  const deliveries = new Map(
    snapshot.deliveries.map((delivery) => [`${delivery.notification_id}.${delivery.channel}`, delivery]),
  )
  const letters = new Set(snapshot.deadLetters.map(({ id }) => notificationOf(id)))
  const wanted = wantedOf(snapshot)
  const statusOf = (id: string) => deliveries.get(id)?.status ?? 'waiting'
  const isRefused = (id: string) => statusOf(id) === 'failed' && letters.has(id.slice(0, id.lastIndexOf('.')))
  /** Not before its time was over, and not although it was sent. */
  const isTooLate = (id: string) => {
    const { status, notification_id = '', updated_at = '' } = deliveries.get(id) ?? {}
    const expiresAt = expiry.get(notification_id)
    return status === 'expired' && typeof expiresAt === 'string' && updated_at >= expiresAt
  }
  const heard = new Set(snapshot.notifications.map(({ id }) => id))
  /** Later news of the same order was heard, and is one of those that may make it needless; nothing else ends it. */
  const isNeedless = (id: string) => {
    const { status, notification_id = '', superseded_by = null } = deliveries.get(id) ?? {}
    const [orderId, news] = newsIn(notification_id)
    const [sameOrder, later] = newsIn(superseded_by ?? '')
    const isLater = LATER.get(news.replace(/\.\d+$/, ''))?.test(later) === true
    return status === 'superseded' && orderId === sameOrder && isLater && heard.has(superseded_by ?? '')
  }
  const isUnsent = (id: string) => isRefused(id) || isTooLate(id) || isNeedless(id)
  const open = wanted.filter((id) => !isTaken(statusOf(id)) && !isUnsent(id))
  const count = (isSuch: (id: string) => boolean) => wanted.filter(isSuch).length
  return {
    promise: 'every notification was accepted by its provider, or is a dead letter, expired or obsolete',
    checked: wanted.length,
    violations: [
      ...wanted.filter((id) => isTaken(statusOf(id)) && !taken.has(id)).map((id) => `${id}: sent, and never taken`),
      ...open.map((id) => `${id}: ${statusOf(id)}`),
    ],
    note: `${count(isRefused)} refused for good, ${count(isTooLate)} too late, ${count(isNeedless)} needless`,
  }
}

interface Repeated {
  id: string
  atMs: number | null
  /** Until the provider took it again. */
  gapMs: number
}

/** What the provider had said yes to, and took again; a mail whose connection it cut before is no such yes. */
function repeatsOf(same: Accepted[]): Repeated[] {
  const told = same.filter((mail) => mail.told).sort((a, b) => (a.atMs ?? 0) - (b.atMs ?? 0))
  return told
    .slice(0, -1)
    .map(({ id, atMs }, index) => ({ id, atMs, gapMs: (told[index + 1]?.atMs ?? 0) - (atMs ?? 0) }))
}

export const toldOnce: Check = ({ accepted, windows }) => {
  const repeats = [...groupBy(accepted, ({ id }) => id).values()].flatMap(repeatsOf)
  const inside = windows.map((window) => ({ window, mails: [] as string[] }))
  const outside: string[] = []
  for (const { id, atMs, gapMs } of repeats) {
    const isIn = ({ fromMs, toMs }: Window) => atMs === null || (atMs >= fromMs && atMs <= toMs)
    const home = inside.find(({ window, mails }) => isIn(window) && mails.length < window.max)
    if (home) home.mails.push(id)
    else outside.push(`${id}: taken again after ${gapMs} ms, with no window that explains it`)
  }
  const unknown = accepted.filter(({ told }) => !told).length
  const inWindow = inside.reduce((sum, { mails }) => sum + mails.length, 0)
  return {
    promise: 'every notification was accepted once, except in the documented window',
    checked: new Set(accepted.map(({ id }) => id)).size,
    violations: outside,
    note: `${inWindow} repeated in the window, ${unknown} whose yes was lost on the way`,
  }
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

/**
 * What is taken again within the window was said before. What a provider took and never answered, nobody knows of: nothing is held to
 * come before it. The last release keeps no order, so what it may have planned or told is left out.
 */
export const toldInOrder: Check = ({ accepted, notifications, toldByRelease }) => {
  const isOfRelease = (atMs: number) => toldByRelease.some(({ fromMs, toMs }) => atMs >= fromMs && atMs <= toMs)
  const plannedMs = new Map(notifications.map(({ id, created_at }) => [id, Date.parse(created_at)]))
  const said = [...groupBy(accepted, ({ id }) => id).values()].flatMap((same) => {
    const { id, atMs } = firstOf(same)
    const channel = id.slice(id.lastIndexOf('.') + 1)
    const notificationId = id.slice(0, id.lastIndexOf('.'))
    const [orderId, news] = newsIn(notificationId)
    const step = STEPS.findIndex((pattern) => pattern.test(news))
    const answered = same.filter(({ told }) => told)
    const knownMs = answered.length === 0 ? null : firstOf(answered).atMs
    const isReleased = isOfRelease(atMs ?? 0) || isOfRelease(plannedMs.get(notificationId) ?? -1)
    return atMs === null || step < 0 ? [] : [{ isReleased, to: `${orderId} ${channel}`, news, step, atMs, knownMs }]
  })
  const violations = [...groupBy(said, ({ to }) => to)].flatMap(([to, all]) =>
    all.flatMap(({ news, step, atMs, isReleased }) => {
      const later = all.find((other) => other.step > step && other.knownMs !== null && other.knownMs < atMs)
      return later && !isReleased ? [`${to}: ${news} after ${later.news}`] : []
    }),
  )
  return {
    promise: 'no customer was told an earlier step of an order after a later one',
    checked: said.length,
    violations,
  }
}

function firstOf(same: Accepted[]): Accepted {
  return same.reduce((first, one) => ((one.atMs ?? 0) < (first.atMs ?? 0) ? one : first))
}
