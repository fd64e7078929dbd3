// What a service holds of somebody, table by table: how it is found, and how it is shown to people.
import { FORGOTTEN, type Personal } from '../messaging/index.ts'
import type { Reader, Row, Value } from '../storage/index.ts'

/** Whose it is, by whatever a table may know them. */
export interface About {
  /** As contracts name the owner of personal data. */
  ownerId: string
  /** As the outside world names them. */
  names: readonly string[]
  /** What is about them, such as their orders; none where it is asked for by the owner. */
  subjects: readonly string[]
}

/** Where a row stands in the order of its table. */
export type Place = readonly (string | number)[]

export interface HeldRecord {
  place: Place
  record: object
  /** What else is to be asked about, now that this is known to be theirs. */
  subject?: string
}

/** In the place of records that are theirs and cannot be given out: why. */
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
  /** It reads what takes long, and gives as much as it has read at once: only an empty list is the end. */
  isSlow?: true
  /** In the order of their places, those after one, and no more than `limit`. */
  list(
    tools: Tools,
    about: About,
    page: { after: Place | undefined; limit: number },
  ): Promise<(HeldRecord | MissingRecords)[]>
}

/** By the table's name: what of it is somebody's, or why nothing is, or where else it is given out. */
export type Holdings = Readonly<Record<string, Holding | string>>

interface Rows {
  /** What it is found by: the owner's id, or the subjects. */
  by: 'owner' | 'subjects'
  column: string
  /** What `column` says, where it is neither. */
  values?: (sql: Reader, about: About) => Promise<string[]> | string[]
  /** The columns that put them in order; together they are unique. */
  place: readonly string[]
  /** Columns of JSON. */
  json?: readonly string[]
  /** Columns that read as empty once their owner is forgotten. */
  sealed?: readonly string[]
  /** Columns that hold a message. */
  messages?: readonly string[]
  /** Columns that tell nothing of anybody. */
  without?: readonly string[]
  /** The column that says what else is about them. */
  subject?: string
}

/** The rows of a table, as they are but for what is decoded and opened. */
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

/** Also of rows that a service has found by itself. */
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

/** What is no message is shown as the text that it is. */
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
    // Shown as it is: what somebody else has written need not be JSON.
    return text
  }
}

/** Of the tables that every service has. */
export const kernelsHoldings: Holdings = {
  'keys.personal_keys': rowsOf('keys.personal_keys', {
    ...{ by: 'owner', column: 'owner_id', place: ['key_id'] },
    // Whoever has the data has no key to what others keep of it.
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
