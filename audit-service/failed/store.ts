// The SQL of failed messages. Each is stored once. Only operators change it later, or forgetting a customer.
import type { State } from '@orders/shared/messaging'
import { byKey, insert, type Reader, type Sql, type Value } from '@orders/shared/storage'
import type { Letter } from './letter.ts'
import { senderIn } from './properties.ts'

/** `sending`: a replay has claimed it, and its queue may have it already. */
type FailureState = 'waiting' | 'sending' | 'sent_again' | 'archived'

export interface Failure extends Letter {
  root: string
  state: FailureState
  resendId: string | null
  original: Buffer | null
  /** The number of changes of its body, plus one. */
  revision: number
}

/** The root of a stored failure. With the letter, if it is new. */
interface Keepable {
  root: string
  letter?: Letter
}

/** Failures by id, for storing new ones. Each is added once and never changed here. */
export const failures: State<Keepable> = {
  name: 'failures',
  load: async (sql, ids) => {
    const rows = await sql.all<{ id: string; root: string }>('select id, root from failures where id in each(?)', ids)
    return byKey(
      rows,
      ({ id }) => id,
      ({ root }) => ({ root }),
    )
  },
  save: (tx, changes) =>
    insert(
      tx,
      `failures (${Object.values(COLUMNS).join(', ')})`,
      changes.flatMap(({ after: { root, letter } }) => (letter ? [rowOf(letter, root)] : [])),
      'on conflict (id) do nothing',
    ),
}

/** The column of each property. */
const COLUMNS = {
  id: 'id',
  root: 'root',
  sentAgainOf: 'sent_again_of',
  afterResend: 'after_resend',
  queue: 'queue',
  home: 'home',
  exchange: 'exchange',
  routingKey: 'routing_key',
  service: 'service',
  version: 'version',
  type: 'type',
  subject: 'subject',
  messageId: 'message_id',
  code: 'code',
  reason: 'reason',
  stack: 'stack',
  place: 'place',
  fingerprint: 'fingerprint',
  attempts: 'attempts',
  history: 'history',
  firstAt: 'first_at',
  failedAt: 'failed_at',
  keptAt: 'kept_at',
  body: 'body',
  original: 'original',
  revision: 'revision',
  properties: 'properties',
  words: 'words',
  state: 'state',
  resendId: 'resend_id',
} as const satisfies Record<keyof Failure, string>

function rowOf(letter: Letter, root: string): Value[] {
  const failure: Failure = { ...letter, root, state: 'waiting', resendId: null, original: null, revision: 1 }
  return Object.keys(COLUMNS).map((name) => failure[name as keyof Failure])
}

const selecting = (names: readonly (keyof Failure)[]) => names.map((name) => `${COLUMNS[name]} as "${name}"`).join(', ')
const ALL = selecting(Object.keys(COLUMNS) as (keyof Failure)[])

/** The columns of a list: without bodies and details. */
const SUMMARY = [
  ...(['id', 'state', 'queue', 'service', 'version', 'type', 'subject', 'messageId'] as const),
  ...([
    'code',
    'reason',
    'place',
    'fingerprint',
    'attempts',
    'firstAt',
    'failedAt',
    'sentAgainOf',
    'resendId',
  ] as const),
]
export type Summary = Pick<Failure, (typeof SUMMARY)[number]>

export interface Filter {
  queue?: string | undefined
  type?: string | undefined
  subject?: string | undefined
  fingerprint?: string | undefined
  state?: FailureState | undefined
  /** Anywhere in its ids, its reason or the start of its body, in upper or lower case. */
  text?: string | undefined
  /** Failed at this time or later, RFC 3339 in UTC. */
  from?: string | undefined
  /** Failed before this time. */
  until?: string | undefined
}

/** Failures by id, or by filter. */
export type Selection = { ids: readonly string[] } | { filter: Filter }

interface Condition {
  text: string
  values: (Value | readonly string[])[]
}

/** An empty filter gives a condition that is always true. */
export function conditionOf(selection: Selection): Condition {
  if ('ids' in selection) return { text: 'id in each(?)', values: [selection.ids] }
  const { queue, type, subject, fingerprint, state, text, from, until } = selection.filter
  const like = text && `%${text.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`
  const parts = [
    { text: 'state = ?', value: state },
    { text: 'queue = ?', value: queue },
    { text: 'type = ?', value: type },
    { text: 'subject = ?', value: subject },
    { text: 'fingerprint = ?', value: fingerprint },
    { text: `words like ? escape '\\'`, value: like },
    { text: 'failed_at >= ?', value: from },
    { text: 'failed_at < ?', value: until },
  ].flatMap(({ text: part, value }) => (value === undefined ? [] : [{ text: part, value }]))
  return { text: parts.map((part) => part.text).join(' and ') || '1 = 1', values: parts.map(({ value }) => value) }
}

export interface FailurePage {
  filter: Filter
  /** The last failure of the previous page. */
  after?: { failedAt: string; id: string } | undefined
  limit: number
}

/** Newest first. */
export function listFailures(sql: Reader, { filter, after, limit }: FailurePage): Promise<Summary[]> {
  const { text, values } = conditionOf({ filter })
  return sql.all<Summary>(
    `select ${selecting(SUMMARY)} from failures
     where ${text} ${after ? 'and (failed_at, id) < (?, ?)' : ''} order by failed_at desc, id desc limit ?`,
    ...values,
    ...(after ? [after.failedAt, after.id] : []),
    limit,
  )
}

export interface Cause {
  fingerprint: string
  count: number
  oldest: string
  newest: string
  /** The id of one of them. The fields below are its fields. */
  example: string
  queue: string
  service: string
  type: string
  code: string
  reason: string
  place: string
  /** The program that says it published the example; empty if none does. */
  sentBy: string
}

/** Grouped by cause, the most frequent first. */
export async function countByCause(sql: Reader, filter: Filter, limit: number): Promise<Cause[]> {
  const { text, values } = conditionOf({ filter })
  const rows = await sql.all<Omit<Cause, 'sentBy'> & { properties: string }>(
    `with causes as (
       select fingerprint, count(*) as count, min(failed_at) as oldest, max(failed_at) as newest, min(id) as example
       from failures where ${text} group by fingerprint order by count(*) desc, fingerprint limit ?
     )
     select causes.fingerprint, count, oldest, newest, example, queue, service, type, code, reason, place, properties
     from causes join failures on failures.id = causes.example order by count desc, causes.fingerprint`,
    ...values,
    limit,
  )
  return rows.map(({ properties, ...row }) => ({ ...row, count: Number(row.count), sentBy: senderIn(properties) }))
}

export async function countFailures(sql: Reader, selection: Selection): Promise<number> {
  const { text, values } = conditionOf(selection)
  const row = await sql.get<{ count: number }>(`select count(*) as count from failures where ${text}`, ...values)
  return Number(row?.count ?? 0)
}

export function countByQueue(sql: Reader): Promise<{ queue: string; count: number }[]> {
  return sql.all(`select queue, count(*) as count from failures where state = 'waiting' group by queue`)
}

export function findFailure(sql: Reader, id: string): Promise<Failure | undefined> {
  return sql.get<Failure>(`select ${ALL} from failures where id = ?`, id)
}

const HISTORY_MAX = 100

/** All failures of the same message, the oldest first. */
export function failuresOf(sql: Reader, root: string): Promise<Summary[]> {
  return sql.all<Summary>(
    `select ${selecting(SUMMARY)} from failures where root = ? order by failed_at, id limit ${HISTORY_MAX}`,
    root,
  )
}

/** The update locks the rows until the transaction ends, so nobody sends, archives or changes them meanwhile. */
export async function archive(tx: Sql, selection: Selection): Promise<number> {
  const { text, values } = conditionOf(selection)
  return tx.run(`update failures set state = 'archived' where state = 'waiting' and ${text}`, ...values)
}

interface Changed extends Pick<Failure, 'body' | 'type' | 'subject' | 'messageId' | 'properties' | 'words'> {
  /** The revision that the change is based on. */
  revision: number
}

/** False if it was changed meanwhile or no longer waits. The original body is kept. */
export async function changeBody(tx: Sql, id: string, changed: Changed): Promise<boolean> {
  const { body, type, subject, messageId, properties, words, revision } = changed
  const count = await tx.run(
    `update failures set original = coalesce(original, body), body = ?, type = ?, subject = ?, message_id = ?,
       properties = ?, words = ?, revision = revision + 1
     where id = ? and state = 'waiting' and revision = ?`,
    body,
    type,
    subject,
    messageId,
    properties,
    words,
    id,
    revision,
  )
  return count === 1
}

type About = Pick<Failure, 'id' | 'type' | 'subject' | 'messageId' | 'code' | 'body' | 'original' | 'properties'>

/** By id, those after `after`. */
export const failuresAbout = (sql: Reader, subjects: string[], after: string, limit: number) =>
  sql.all<About>(
    `select ${selecting(['id', 'type', 'subject', 'messageId', 'code', 'body', 'original', 'properties'])} from failures
     where subject in each(?) and id > ? order by id limit ?`,
    subjects,
    after,
    limit,
  )

/** After forgetting, only the code tells why it failed. */
const WITHOUT_ACCOUNT = `reason = 'forgotten', stack = '', history = '[]'`

export const withoutAccount = (tx: Sql, id: string, words: string) =>
  tx.run(`update failures set ${WITHOUT_ACCOUNT}, words = ? where id = ?`, words, id)

/** Leaves nothing to send again. */
export const emptied = (tx: Sql, id: string, words: string) =>
  tx.run(
    `update failures set ${WITHOUT_ACCOUNT}, words = ?, body = ?, original = null, properties = '{"headers":{}}',
       message_id = '', revision = revision + 1, state = case when state = 'waiting' then 'archived' else state end
     where id = ?`,
    words,
    Buffer.alloc(0),
    id,
  )
