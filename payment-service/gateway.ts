// The port to the payment provider, and a simulated provider with its own database.
//
// A real provider can replace it if every call is idempotent by our key, and a void of an unused key closes that key for ever.
// (Stripe: `Idempotency-Key`, and a PaymentIntent created first and cancelled to close it.)
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Breaker, TransientError } from '@orders/shared/runtime'
import Sqlite from 'better-sqlite3'
import type { Settlement } from './domain.ts'
import type { RefundAnswer } from './refunds.ts'

export interface ChargeRequest {
  key: string
  amountCents: number
  /** A token. Card numbers never reach this service. */
  method: string
}

export interface RefundRequest {
  /** The key of the charge. */
  key: string
  /** The key of this refund. A repeat under it is the same refund. */
  refundKey: string
  amountCents: number
}

/** What the provider has recorded about a key. */
export interface Charge {
  key: string
  amountCents: number | null
  status: 'charged' | 'declined' | 'voided' | 'refunded'
  chargeId: string | null
  refundId: string | null
  refundedCents: number
  /** How many charges, voids and refunds the provider was asked for under this key. */
  calls: number
  createdAt: string
  refundedAt: string | null
}

/**
 * Every call may be repeated: the key identifies it. Each throws a TransientError with `isOutside` while the provider cannot be
 * reached.
 */
export interface Gateway {
  charge(request: ChargeRequest, signal: AbortSignal): Promise<Settlement>
  /** Closes the key. If it was charged already, the answer says so and nothing changes. */
  void(key: string): Promise<Settlement>
  /** Refunds at most the charge. Refused as `nothing_to_refund` if nothing was charged. */
  refund(request: RefundRequest): Promise<RefundAnswer>
  lookup(key: string): Promise<Charge | undefined>
  close(): void
}

/** Adds a breaker. While it is open, no call is made, and `guard` tells the handler beforehand. */
export function guarded(gateway: Gateway, breaker: Breaker): Gateway & { guard: Breaker } {
  return {
    guard: breaker,
    charge: (request, signal) => breaker.call(() => gateway.charge(request, signal)),
    void: (key) => breaker.call(() => gateway.void(key)),
    refund: (request) => breaker.call(() => gateway.refund(request)),
    lookup: gateway.lookup,
    close: gateway.close,
  }
}

const SLOW_MS = 3_000
const BUSY_TIMEOUT_MS = 5_000

interface Options {
  path: string
  now: () => Date
  /** How long `tok_slow` takes. */
  slowMs?: number
}

/**
 * A simulated provider with test tokens, as real providers have them: `tok_visa` is charged, `tok_slow` is charged after a
 * while, `tok_gateway_down` gets no answer, `tok_answer_lost` is charged but gets no answer. Any other token is declined.
 *
 * While a file with the database's name and `.down` exists, charges, voids and refunds get no answer. If it contains a number,
 * the answer is "too many calls", with that many seconds as `Retry-After`.
 *
 * Its database is a separate file, since a killed service must not make the provider forget. Each call is one transaction, so
 * any number of copies may share the file. With `synchronous = OFF` the data survives a killed process, but not a power cut,
 * and a charge costs no fsync.
 */
export function openSimulatedGateway({ path, now, slowMs = SLOW_MS }: Options): Gateway {
  mkdirSync(dirname(path), { recursive: true })
  const books = new Sqlite(path, { timeout: BUSY_TIMEOUT_MS })
  books.pragma('journal_mode = WAL')
  books.pragma('synchronous = OFF')
  books.exec(SCHEMA)
  const enter = books.prepare<EntryRow, Entered>(ENTER)
  const refundOf = books.prepare<[string], { amountCents: number }>(REFUND_OF)
  const addRefund = books.prepare<[string, string, number, string]>(ADD_REFUND)
  const note = books.prepare<[string, string, string]>(NOTE_REFUND)
  const read = books.prepare<[string], Charge>(READ)

  function settle(key: string, amountCents: number | null, wanted: 'charged' | 'declined' | 'voided'): Settlement {
    const chargeId = wanted === 'charged' ? `ch_${key}` : null
    const entered = enter.get(key, amountCents, wanted, chargeId, now().toISOString())
    if (entered?.chargeId) return { outcome: 'charged', chargeId: entered.chargeId }
    return entered?.status === 'declined' ? { outcome: 'declined', reason: 'card_declined' } : { outcome: 'voided' }
  }

  const giveBack = books.transaction(({ key, refundKey, amountCents }: RefundRequest): RefundAnswer => {
    const charge = read.get(key)
    if (!charge?.chargeId || charge.amountCents === null) return { outcome: 'refused', reason: 'nothing_to_refund' }
    const refundId = `re_${refundKey.replaceAll('/', '_')}`
    if (!refundOf.get(refundKey)) {
      if (charge.refundedCents + amountCents > charge.amountCents)
        return { outcome: 'refused', reason: 'more_than_charged' }
      addRefund.run(refundKey, key, amountCents, now().toISOString())
    }
    note.run(refundId, now().toISOString(), key)
    return { outcome: 'refunded', chargeId: charge.chargeId, refundId }
  })

  function answering(): void {
    if (!existsSync(`${path}.down`)) return
    const seconds = Number(readFileSync(`${path}.down`, 'utf8'))
    throw seconds > 0 ? throttled(seconds) : unavailable()
  }

  return {
    async charge({ key, amountCents, method }, signal) {
      answering()
      if (method === 'tok_gateway_down') throw unavailable()
      if (method === 'tok_slow') await delay(slowMs, undefined, { signal })
      const settlement = settle(key, amountCents, GOOD.has(method) ? 'charged' : 'declined')
      if (method === 'tok_answer_lost') throw unavailable()
      return settlement
    },
    async void(key) {
      answering()
      return settle(key, null, 'voided')
    },
    async refund(request) {
      answering()
      return giveBack.immediate(request)
    },
    async lookup(key) {
      return read.get(key)
    },
    close() {
      books.close()
    },
  }
}

const GOOD = new Set(['tok_visa', 'tok_slow', 'tok_answer_lost'])

const SCHEMA = `create table if not exists charges (
  key text primary key,
  amount_cents integer,
  status text not null,
  charge_id text,
  refund_id text,
  calls integer not null,
  created_at text not null,
  refunded_at text
) without rowid;
create table if not exists refunds (
  refund_key text primary key,
  key text not null,
  amount_cents integer not null,
  created_at text not null
) without rowid`

type EntryRow = [key: string, amountCents: number | null, status: string, chargeId: string | null, at: string]
type Entered = Pick<Charge, 'status' | 'chargeId'>

/** The first entry under a key stays. Every later call returns it. */
const ENTER = `insert into charges (key, amount_cents, status, charge_id, calls, created_at) values (?, ?, ?, ?, 1, ?)
  on conflict (key) do update set calls = calls + 1
  returning status, charge_id as chargeId`

const REFUND_OF = 'select amount_cents as amountCents from refunds where refund_key = ?'

const ADD_REFUND = 'insert into refunds (refund_key, key, amount_cents, created_at) values (?, ?, ?, ?)'

/** Updates what `lookup` shows. A charge whose refunds add up to its amount is `refunded`. */
const NOTE_REFUND = `update charges set calls = calls + 1, refund_id = coalesce(refund_id, ?),
    refunded_at = coalesce(refunded_at, ?),
    status = case when amount_cents = (select sum(amount_cents) from refunds r where r.key = charges.key)
      then 'refunded' else status end
  where key = ?`

const READ = `select key, amount_cents as amountCents, status, charge_id as chargeId, refund_id as refundId, calls,
    (select coalesce(sum(r.amount_cents), 0) from refunds r where r.key = charges.key) as refundedCents,
    created_at as createdAt, refunded_at as refundedAt
  from charges where key = ?`

function unavailable(): TransientError {
  return new TransientError('gateway_unavailable', 'the payment provider answers 503', { isOutside: true })
}

function throttled(retryAfterSeconds: number): TransientError {
  const details = { isOutside: true, retryAfterSeconds }
  return new TransientError(
    'gateway_throttled',
    `the payment provider answers 429, after ${retryAfterSeconds} s`,
    details,
  )
}
