// Checks of what customers were told, by the providers' own records: at least once, and but for the window once.
import { type Check, groupBy } from './check.ts'
import { type Accepted, isTaken, type Snapshot, type Window } from './snapshot.ts'

/** Each channel of each notification that was asked for: `<notification>.<channel>`, as the providers know it. */
function wantedOf({ events }: Snapshot): string[] {
  return events.flatMap(({ type, id, subject, data }) => {
    if (type !== 'notification.requested') return []
    const about = id.slice(`${subject}/notification.requested/`.length)
    return (data?.channels ?? []).map((channel) => `${subject}.${about}.${channel}`)
  })
}

export const toldAtLeastOnce: Check = (snapshot) => {
  const taken = new Set(snapshot.accepted.map(({ id }) => id))
  const expiry = new Map(snapshot.notifications.map(({ id, expires_at }) => [id, expires_at]))
  const deliveries = new Map(
    snapshot.deliveries.map((delivery) => [`${delivery.notification_id}.${delivery.channel}`, delivery]),
  )
  const letters = new Set(snapshot.deadLetters.map(({ id }) => id.replace('/notification.requested/', '.')))
  const wanted = wantedOf(snapshot)
  const statusOf = (id: string) => deliveries.get(id)?.status ?? 'waiting'
  const isRefused = (id: string) => statusOf(id) === 'failed' && letters.has(id.slice(0, id.lastIndexOf('.')))
  /** Not before its time was over, and not although it was sent. */
  const isTooLate = (id: string) => {
    const { status, notification_id = '', updated_at = '' } = deliveries.get(id) ?? {}
    const expiresAt = expiry.get(notification_id)
    return status === 'expired' && typeof expiresAt === 'string' && updated_at >= expiresAt
  }
  const causes = new Map(snapshot.events.map(({ id, cause }) => [id, cause]))
  /** A reminder of what the customer has done meanwhile, or can no longer do; and nothing else ends it. */
  const isNeedless = (id: string) => {
    const [, orderId = '', step = ''] = /^(.+)\.(reminder\.\d+\.[a-z]+)$/.exec(id) ?? []
    const cause = causes.get(`${orderId}/notification.cancelled/${step}`)
    return statusOf(id) === 'cancelled' && [`${orderId}/order.paid`, `${orderId}/order.cancelled`].includes(cause ?? '')
  }
  const isUnsent = (id: string) => isRefused(id) || isTooLate(id) || isNeedless(id)
  const open = wanted.filter((id) => !isTaken(statusOf(id)) && !isUnsent(id))
  const count = (isSuch: (id: string) => boolean) => wanted.filter(isSuch).length
  return {
    promise:
      'every notification was taken by its provider, or lies in the dead letters, or came too late or was needless by then',
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
    promise: 'every notification was taken once, but for the documented window',
    checked: new Set(accepted.map(({ id }) => id)).size,
    violations: outside,
    note: `${inWindow} repeated in the window, ${unknown} whose yes was lost on the way`,
  }
}
