// Describes the personal data in a service's tables: how it is found, and how it is shown to people.
import { FORGOTTEN, type Personal } from '../messaging/index.ts'
import type { Reader, Row, Value } from '../storage/index.ts'

/** The person, by all the ways in which a table may identify them. */
export interface About {
  /** The owner as contracts name them. */
  ownerId: string
  /** Names that outside systems use, such as addresses. */
  names: readonly string[]
  /** Subjects about the person, such as their orders. Empty if the question is by owner. */
  subjects: readonly string[]
}

/** The position of a row in its table's order. */
export type Place = readonly (string | number)[]

export interface HeldRecord {
  place: Place
  record: object
  /** Another subject of the person, to be asked about too. */
  subject?: string
}

/** Stands for records of the person that cannot be given out, with the reason. */
export interface MissingRecords {
  place: Place
  missing: string
}

interface Tools {
  sql: Reader
  show: Personal['show']
}

export interface Holding {
  by: 'owner' | 'subjects'
  /** Reading is slow, so it returns what it has so far. Only an empty list is the end. */
  isSlow?: true
  /** Returns records in the order of their places: those after `page.after`, at most `limit`. */
  list(
    tools: Tools,
    about: About,
    page: { after: Place | undefined; limit: number },
  ): Promise<(HeldRecord | MissingRecords)[]>
}

/** By table name: the personal data in it, or why there is none, or where else it is exported. */
export type Holdings = Readonly<Record<string, Holding | string>>

interface Rows {
  /** What finds the rows: the owner's id, or the subjects. */
  by: 'owner' | 'subjects'
  column: string
  /** The values of `column`, if they are neither. */
  values?: (sql: Reader, about: About) => Promise<string[]> | string[]
  /** The columns that order the rows; together they are unique. */
  place: readonly string[]
  /** Columns with JSON. */
  json?: readonly string[]
  /** Columns that read as empty once their owner is forgotten. */
  sealed?: readonly string[]
  /** Columns with a message. */
  messages?: readonly string[]
  /** Columns without personal data. */
  without?: readonly string[]
  /** The column with a further subject about the person. */
  subject?: string
}

/** The rows of a table, with JSON decoded and encrypted columns decrypted. */
export function rowsOf(table: string, wanted: Rows): Holding {
  const { by, column, place, subject } = wanted
  const order = place.join(', ')
  const following = `and (${order}) > (${place.map(() => '?').join(', ')})`
  const valuesOf = wanted.values ?? ((_: Reader, { ownerId, subjects }: About) => (by === 'owner' ? ownerId : subjects))
  return {
    by,
    async list({ sql, show }, about, { after, limit }) {
      const values = await valuesOf(sql, about)
      if (values.length === 0) return []
      const rows = await sql.all<Row>(
        `select * from ${table} where ${column} ${typeof values === 'string' ? '= ?' : 'in each(?)'}
         ${after ? following : ''} order by ${order} limit ?`,
        values,
        ...(after ?? []),
        limit,
      )
      return Promise.all(
        rows.map(async (row) => ({
          place: place.map((name) => placeIn(row[name])),
          record: await recordOf(row, wanted, show),
          ...(subject !== undefined && typeof row[subject] === 'string' && { subject: row[subject] }),
        })),
      )
    },
  }
}

const placeIn = (value: Value | undefined) => (typeof value === 'number' ? value : String(value))

/** Also used for rows that a service finds by itself. */
export async function recordOf(
  row: Row,
  { json = [], sealed = [], messages = [], without = [] }: Pick<Rows, 'json' | 'sealed' | 'messages' | 'without'>,
  show: Personal['show'],
): Promise<Record<string, unknown>> {
  const shown = Object.entries(row)
    .filter(([name]) => !without.includes(name))
    .map(async ([name, value]): Promise<[string, unknown]> => {
      if (value === '' && sealed.includes(name)) return [name, FORGOTTEN]
      if (messages.includes(name) && value !== null) return [name, await messageIn(String(value), show)]
      return [name, json.includes(name) && value !== null ? jsonIn(String(value)) : textIn(value)]
    })
  return Object.fromEntries(await Promise.all(shown))
}

const textIn = (value: Value) => (Buffer.isBuffer(value) ? value.toString('utf8') : value)

/** A text that is not a message is shown as it is. */
async function messageIn(text: string, show: Personal['show']): Promise<unknown> {
  const message = jsonIn(text)
  if (typeof message !== 'object' || message === null) return text
  const [data] = await show([message])
  return { ...message, data }
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Shown as it is, since a foreign text need not be JSON.
    return text
  }
}

/** The tables that every service has. */
export const kernelsHoldings: Holdings = {
  'keys.personal_keys': rowsOf('keys.personal_keys', {
    ...{ by: 'owner', column: 'owner_id', place: ['key_id'] },
    // Key material is not exported: it would decrypt what others store about the person.
    without: ['wrapped', 'master_id'],
  }),
  retries: rowsOf('retries', {
    ...{ by: 'subjects', column: 'subject', place: ['id'] },
    json: ['properties', 'history'],
    messages: ['body'],
  }),
  migrations: 'applied migrations',
  outbox: 'messages on their way to audit-service, which exports them',
  outbox_copies: 'copies of the service',
  epochs: 'how far the database has come',
  erasures: 'customers who are being forgotten',
  turns: 'the position in each sequence of messages',
  handled: 'ids of handled messages',
  sweeps: 'positions of removal runs',
}
