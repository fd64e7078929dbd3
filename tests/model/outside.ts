// The world beyond the services, as small as it can be and still do everything that a provider may: answer either way, do what it was
// asked and say nothing, or be out of reach. Each question is tried in every one of these ways.
import { TransientError } from '@orders/shared/runtime'
import type { Gateway } from '../../payment-service/gateway.ts'
import type { Carrier } from '../../shipping-service/carrier.ts'

/** The books of the payment provider and of the carrier about one order. */
export interface Books {
  account: 'unused' | 'charged' | 'declined' | 'voided'
  /** Of every refund, under its key, what went back. */
  refunds: Readonly<Record<string, number>>
  chargedCents: number
  parcel: 'none' | 'booked' | 'refused'
}

export const emptyBooks: Books = { account: 'unused', refunds: {}, chargedCents: 0, parcel: 'none' }

export interface Asked {
  books: Books
  /** Undefined: nobody hears of an answer. */
  answer?: { value: unknown }
  /** What was thrown that is not the outside's own failure. */
  fault?: Error
  /** Whether anybody outside was asked at all. */
  isOutside: boolean
}

export function paidBack({ refunds }: Books): number {
  return Object.values(refunds).reduce((sum, cents) => sum + cents, 0)
}

const silent = () => new TransientError('unavailable', 'the other side does not answer', { isOutside: true })

export function createOutside() {
  let books = emptyBooks
  let script: number[] = []
  let widths: number[] = []

  /** One of `options`: the script's, or the first. */
  function choose<T>(options: readonly [T, ...T[]]): T {
    const chosen = script[widths.length] ?? 0
    widths.push(options.length)
    return options[chosen] ?? options[0]
  }

  async function call<T>(effect: () => T): Promise<T> {
    const way = choose(['answers', 'does it and falls silent', 'is out of reach'])
    if (way === 'is out of reach') throw silent()
    const answer = effect()
    if (way !== 'answers') throw silent()
    return answer
  }

  const settlement = () => {
    if (books.account === 'charged') return { outcome: 'charged', chargeId: 'ch_1' } as const
    return books.account === 'declined'
      ? ({ outcome: 'declined', reason: 'declined' } as const)
      : ({ outcome: 'voided' } as const)
  }

  const gateway: Gateway = {
    charge: ({ amountCents }) =>
      call(() => {
        if (books.account === 'unused') {
          const account = choose<'charged' | 'declined'>(['charged', 'declined'])
          books = { ...books, account, chargedCents: account === 'charged' ? amountCents : 0 }
        }
        return settlement()
      }),
    void: () =>
      call(() => {
        if (books.account === 'unused') books = { ...books, account: 'voided' }
        return settlement()
      }),
    refund: ({ key, refundKey, amountCents }) =>
      call(() => {
        const isNew = books.refunds[refundKey] === undefined
        // What an operator wants given back may be refused for good; what is owed after a failure never is.
        const isRefused = refundKey !== key && isNew && choose(['refunded', 'refused']) === 'refused'
        const isTooMuch = paidBack(books) + amountCents > books.chargedCents
        if (isNew)
          books = { ...books, refunds: { ...books.refunds, [refundKey]: isRefused || isTooMuch ? 0 : amountCents } }
        if (books.refunds[refundKey] === 0) return { outcome: 'refused', reason: 'not_refundable' } as const
        return { outcome: 'refunded', chargeId: 'ch_1', refundId: `re_${refundKey}` } as const
      }),
    lookup: async () => undefined,
    close: () => undefined,
  }

  const carrier: Carrier = {
    book: () =>
      call(() => {
        if (books.parcel === 'none') books = { ...books, parcel: choose<'booked' | 'refused'>(['booked', 'refused']) }
        return books.parcel === 'booked'
          ? ({ outcome: 'booked', trackingId: 'parcel-1', carrier: 'post' } as const)
          : ({ outcome: 'refused', reason: 'address_not_served' } as const)
      }),
  }

  /** Asks in every way that it can go, each from the same books. */
  async function everyWay(before: Books, ask: () => Promise<unknown>): Promise<Asked[]> {
    const ways: Asked[] = []
    for (let next: number[] | undefined = []; next; next = scriptAfter(next, widths)) {
      books = before
      script = next
      widths = []
      const said = await ask().then(
        (value) => ({ answer: { value } }),
        (error) => (error instanceof TransientError && error.isOutside ? {} : { fault: error as Error }),
      )
      ways.push({ books, isOutside: widths.length > 0, ...said })
    }
    return ways
  }

  return { gateway, carrier, everyWay }
}

/** The last choice that has another way left goes on to it; those after it begin anew. */
function scriptAfter(script: readonly number[], widths: readonly number[]): number[] | undefined {
  const taken = widths.map((_, at) => script[at] ?? 0)
  const last = taken.findLastIndex((choice, at) => choice + 1 < (widths[at] ?? 0))
  return last < 0 ? undefined : [...taken.slice(0, last), (taken[last] ?? 0) + 1]
}
