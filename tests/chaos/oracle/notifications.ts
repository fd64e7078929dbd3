// Checks of what customers were told, by the providers' own records: at least once, and but for the window once.
import { type Check, groupBy } from './check.ts'
import type { Accepted, Snapshot, Window } from './snapshot.ts'

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
  const status = new Map(
    snapshot.deliveries.map((delivery) => [`${delivery.notification_id}.${delivery.channel}`, delivery.status]),
  )
  const letters = new Set(snapshot.deadLetters.map(({ id }) => id.replace('/notification.requested/', '.')))
  const wanted = wantedOf(snapshot)
  const isRefused = (id: string) => status.get(id) === 'failed' && letters.has(id.slice(0, id.lastIndexOf('.')))
  const open = wanted.filter((id) => status.get(id) !== 'sent' && !isRefused(id))
  return {
    promise: 'every notification was taken by its provider, or lies in the dead letters, refused for good',
    checked: wanted.length,
    violations: [
      ...wanted.filter((id) => status.get(id) === 'sent' && !taken.has(id)).map((id) => `${id}: sent, and never taken`),
      ...open.map((id) => `${id}: ${status.get(id) ?? 'waiting'}`),
    ],
    note: `${wanted.filter(isRefused).length} refused for good`,
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
