// Records what operators do to failed messages, who did it and why. The action and its record are committed together. The
// record is an event of the audit log, so `GET /audit/verify` checks it.
import { randomUUID } from 'node:crypto'
import { OrderCustomerExported } from '@orders/shared/contracts'
import { lockKeyOf } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import type { Database, Transaction } from '@orders/shared/storage'
import { add, additionsOf, type Entry, entriesAfter } from './domain.ts'
import { HEAD, headOf, type States } from './store.ts'

export const ACTED = 'operator.acted'
export const SOURCE = '/audit-service'
/** No order can have this id. */
const SUBJECT = '/operators'

export interface By {
  operator: string
  reason: string
}

export interface Action extends By {
  /** Such as `archive`. */
  action: string
  /** What the operator acted on, and the result. */
  about: object
}

export interface Acting {
  database: Database
  states: Pick<States, 'log' | 'append'>
  now: () => Date
}

/** Operators request exports from order-service, which publishes an event about each. */
const ASKED_ELSEWHERE = { type: OrderCustomerExported.type, source: '/order-service', action: 'export' }

export const actionTypes = [ACTED, ASKED_ELSEWHERE.type]

/** The action as people see it. Undefined if the event has the type of an action but another source. */
export function actionIn({ sequence, time: at, type, source, subject, body }: Entry) {
  const { data } = JSON.parse(body)
  if (type === ACTED && source === SOURCE) return { sequence, at, ...data }
  if (source !== ASKED_ELSEWHERE.source) return undefined
  return { sequence, at, ...data, action: ASKED_ELSEWHERE.action, about: { customer: subject } }
}

/** Does `work` and records what it did, in one transaction. If it throws, neither happens. */
export function act<T>(
  { database, states, now }: Acting,
  by: By,
  work: (tx: Transaction) => Promise<Omit<Action, keyof By> & { result: T }>,
): Promise<T> {
  return database.transaction(async (tx) => {
    const { result, action, about } = await work(tx)
    // Locked last: while a transaction holds the end of the log, nobody else can append an event.
    await tx.lock([lockKeyOf(states.log, HEAD)])
    const at = now().toISOString()
    const acted = actedAt(at, { operator: by.operator, reason: by.reason, action, about })
    const log = add({ head: await headOf(tx) }, acted, at)
    await states.append(tx, entriesAfter(log.head, additionsOf(log)).entries)
    return result
  })
}

/**
 * Prevents an action on messages that the operator has not seen.
 *
 * @throws RejectedError 409 `count_differs`
 */
export function expectCount(count: number, expected: number): void {
  if (count !== expected)
    throw new RejectedError(409, 'count_differs', `there are ${count} now, not ${expected}: nothing was done`)
}

function actedAt(time: string, data: Action) {
  const envelope = {
    specversion: '1.0',
    id: `${SUBJECT}/${ACTED}/${randomUUID()}`,
    source: SOURCE,
    type: ACTED,
    subject: SUBJECT,
    time,
    datacontenttype: 'application/json',
    data,
  }
  return { ...envelope, data: { body: JSON.stringify(envelope), causationId: null, traceId: null } }
}
