// The SQL for services that have lost their database: how far it had come, and the log from its beginning.
import type { State } from '@orders/shared/messaging'
import { insert, type Reader } from '@orders/shared/storage'
import { keysOf } from '../block.ts'
import type { Entry } from '../domain.ts'
import { filesOf } from '../reading/archives/store.ts'
import { entriesIn, PLACES, type Place } from '../reading/store.ts'

export interface Mark {
  epoch: string
  last: number
}

/** The key is `service/epoch`. `load` returns nothing, since the SQL keeps the higher number. */
export const marks: State<number> = {
  name: 'marks',
  load: async () => new Map(),
  save: (tx, changes) =>
    insert(
      tx,
      'marks (service, epoch, last)',
      changes.map(({ key, after }) => [...key.split('/'), after]),
      'on conflict (service, epoch) do update set last = excluded.last where marks.last < excluded.last',
    ),
}

/** The key is a service's name. The value is how far its databases had come. */
export const reached: State<Mark[]> = {
  name: 'reached',
  load: async (sql, services) => {
    const rows = await marksOf(sql, services)
    return new Map(services.map((service) => [service, rows.filter((row) => row.service === service).map(shown)]))
  },
  save: async () => undefined,
}

const marksOf = (sql: Reader, services: string[]) =>
  sql.all<Mark & { service: string }>(
    'select service, epoch, last from marks where service in each(?) order by service, epoch',
    services,
  )

const shown = ({ epoch, last }: Mark): Mark => ({ epoch, last: Number(last) })

/** How far a reader has come: up to this event of this subject. */
export interface Position {
  subject: number
  sequence: number
}

export interface History {
  entries: { subject: number; entry: Entry }[]
  /** Undefined at the end of the log. */
  next: Position | undefined
  /** The files with entries that are not in the database. Undefined if none is missing. */
  archived?: string[]
}

/** The limits of one answer. */
const SUBJECTS_MAX = 64
const EVENTS_MAX = 2_000
const LENGTH_MAX = 1_048_576

/**
 * The log by subject: subjects in the order of their first event, and all events of each in order. The key is the position to
 * continue from.
 */
export const histories: State<History> = {
  name: 'histories',
  load: async (sql, keys) =>
    new Map(await Promise.all(keys.map(async (key) => [key, await historyAfter(sql, JSON.parse(key))] as const))),
  save: async () => undefined,
}

async function historyAfter(sql: Reader, after: Position): Promise<History> {
  const subjects = await sql.all<{ number: number }>(
    'select number from subjects where number >= ? order by number limit ?',
    after.subject,
    SUBJECTS_MAX,
  )
  const wanted: (Place & Position)[] = []
  for (const { number: subject } of subjects) {
    const from = subject === after.subject ? after.sequence : 0
    const places = await placesAfter(sql, subject, from, EVENTS_MAX + 1 - wanted.length)
    wanted.push(...places.map((place) => ({ ...place, subject })))
    if (wanted.length > EVENTS_MAX) break
  }
  const page = wanted.slice(0, EVENTS_MAX)
  const found = new Map((await entriesIn(sql, page)).map((entry) => [entry.sequence, entry]))
  const lacking = page.map(({ sequence }) => sequence).filter((sequence) => !found.has(sequence))
  if (lacking.length > 0) return { entries: [], next: undefined, archived: await filesOf(sql, lacking) }
  const entries: History['entries'] = []
  let length = 0
  for (const { subject, sequence } of page) {
    const entry = found.get(sequence)
    if (!entry) continue
    entries.push({ subject, entry })
    length += entry.body.length
    if (length > LENGTH_MAX) return { entries, next: { subject, sequence } }
  }
  const last = wanted.length > EVENTS_MAX ? page.at(-1) : undefined
  if (last) return { entries, next: { subject: last.subject, sequence: last.sequence } }
  const lastSubject = subjects.length === SUBJECTS_MAX ? subjects.at(-1)?.number : undefined
  // Continues after the last subject of this page. New subjects get higher numbers.
  return { entries, next: lastSubject === undefined ? undefined : { subject: lastSubject + 1, sequence: 0 } }
}

/** The places of a subject's entries after a sequence, in order. */
function placesAfter(sql: Reader, subject: number, sequence: number, limit: number): Promise<Place[]> {
  const { least, most } = keysOf(subject)
  return sql.all<Place>(
    `${PLACES} where key between ? and ? and sequence > ? order by sequence limit ?`,
    ...[least, most, sequence, limit],
  )
}
