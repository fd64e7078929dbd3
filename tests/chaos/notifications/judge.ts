// What must be true of a run of notifications: by the providers' own records, the tables, and the dead letters.
import type { Finding } from '../oracle/check.ts'
import { type Channel, keyOf, type Taken } from './providers.ts'

export interface Wanted {
  id: string
  channel: Channel
  recipient: string
}

export interface DeliveryRow {
  notification_id: string
  channel: string
  status: string
  error: string | null
}

export interface Letter {
  queue: string
  /** `<order>/notification.requested/<event>` */
  id: string
}

/** Deaths of the service, by the run's own hand. */
export interface Deaths {
  atMs: number[]
  /** The most calls that each may have cut off. */
  underWayMax: number
}

export type Judged = Finding & { passed: boolean }

const judged = (finding: Finding): Judged => ({
  ...finding,
  passed: finding.checked > 0 && finding.violations.length === 0,
})

/** Before the dead letters are sent again: each failure has its reason in the log, and lies in its channel's dead letters. */
export function failuresAreKept(rows: DeliveryRow[], letters: Letter[]): Judged {
  const kept = new Set(letters.map(({ queue, id }) => `${queue} ${id.replace('/notification.requested/', '.')}`))
  const failed = rows.filter(({ status }) => status === 'failed')
  // The broker may have given the same message out twice, and the second time it was taken.
  const sent = new Set(rows.filter(({ status }) => status === 'sent').map((row) => nameOf(row)))
  const names = new Set(failed.map((row) => nameOf(row)))
  return judged({
    promise: 'everything that failed for good is in the log with its reason and in the dead letters',
    checked: failed.length,
    violations: [
      ...failed.filter((row) => !row.error).map((row) => `${row.notification_id} ${row.channel}: no reason`),
      ...failed
        .filter((row) => !kept.has(nameOf(row)))
        .map((row) => `${row.notification_id} ${row.channel}: no dead letter`),
      ...[...kept]
        .filter((name) => !names.has(name) && !sent.has(name))
        .map((name) => `${name}: a dead letter of what has neither failed nor been sent`),
      ...rows
        .filter(({ status }) => status === 'waiting')
        .map((row) => `${row.notification_id} ${row.channel}: waits still`),
    ],
    note: `${[...kept].filter((name) => sent.has(name)).length} more were sent meanwhile`,
  })
}

const nameOf = ({ notification_id: id, channel }: DeliveryRow) => `notification.${channel}.dlq ${id}`

/** At the end. */
export function allAreSent(wanted: Wanted[], rows: DeliveryRow[], letters: Letter[]): Judged {
  const sent = new Set(
    rows.filter(({ status }) => status === 'sent').map((row) => `${row.notification_id} ${row.channel}`),
  )
  return judged({
    promise: 'after the dead letters are sent again, every message is sent, and no dead letter is left',
    checked: wanted.length,
    violations: [
      ...wanted
        .filter(({ id, channel }) => !sent.has(`${id} ${channel}`))
        .map(({ id, channel }) => `${id} ${channel}: not sent`),
      ...letters.map(({ queue, id }) => `${queue}: ${id}`),
    ],
  })
}

export function allArrived(wanted: Wanted[], taken: ReadonlyMap<string, Taken[]>): Judged {
  const missing = wanted.filter(({ channel, recipient }) => !taken.has(keyOf(channel, recipient)))
  const known = new Set(wanted.map(({ channel, recipient }) => keyOf(channel, recipient)))
  return judged({
    promise: "every message has arrived at its recipient's provider, and no other has",
    checked: wanted.length,
    violations: [
      ...missing.map(({ id, channel }) => `${id} ${channel}`),
      ...[...taken.keys()].filter((key) => !known.has(key)).map((key) => `${key} was never asked for`),
    ],
  })
}

/** As long as a call may be under way. */
const CALL_MAX_MS = 20_000
const MOMENT_MS = 2_000

/** A repeat is excused where the first yes was never told, or where whoever was told it was killed at that moment. */
export function arrivedOnce(taken: ReadonlyMap<string, Taken[]>, { atMs: deaths, underWayMax }: Deaths): Judged {
  const violations: string[] = []
  const inWindow = new Map<number, number>()
  let untold = 0
  for (const [key, times] of taken)
    for (const before of times.slice(0, -1)) {
      const death = deaths.find((atMs) => atMs >= before.atMs - MOMENT_MS && atMs <= before.atMs + CALL_MAX_MS)
      if (!before.told) untold += 1
      else if (death === undefined) violations.push(`${key} ${times.length} times`)
      else inWindow.set(death, (inWindow.get(death) ?? 0) + 1)
    }
  for (const count of inWindow.values()) if (count > underWayMax) violations.push(`${count} repeated by one death`)
  const repeated = [...inWindow.values()].reduce((sum, count) => sum + count, 0)
  return judged({
    promise: 'every message has arrived once, except in the documented window',
    checked: taken.size,
    violations,
    note: `${repeated} repeated in the window of ${deaths.length} deaths, at most ${Math.max(0, ...inWindow.values())} by one; ${untold} whose yes was never told`,
  })
}
