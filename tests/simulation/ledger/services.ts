// The teller and the ledger. Neither writing down nor counting commutes with itself: without `inOrder` and `once` both would go wrong.
import { join } from 'node:path'
import { about, type Change, type Handler, inOrder, on, once, type State, type Work } from '@orders/shared/messaging'
import { insert } from '@orders/shared/storage'
import type { SimulatedService } from '@orders/shared/testing'
import { Moved, Visited } from './domain.ts'

const accounts: State<number> = {
  name: 'accounts',
  async load(sql, keys) {
    const rows = await sql.all<{ account: string; said: number }>(
      'select account, said from accounts where account in each(?)',
      keys,
    )
    return new Map(rows.map(({ account, said }) => [account, said]))
  },
  save: (tx, changes: Change<number>[]) =>
    insert(
      tx,
      'accounts (account, said)',
      changes.map(({ key, after }) => [key, after]),
      'on conflict (account) do update set said = excluded.said',
    ),
}

interface Ledger {
  moves: string
  cents: number
}

const ledgers: State<Ledger> = {
  name: 'ledgers',
  async load(sql, keys) {
    const rows = await sql.all<Ledger & { account: string }>(
      'select account, moves, cents from ledgers where account in each(?)',
      keys,
    )
    return new Map(rows.map(({ account, ...row }) => [account, row]))
  },
  save: (tx, changes: Change<Ledger>[]) =>
    insert(
      tx,
      'ledgers (account, moves, cents)',
      changes.map(({ key, after: { moves, cents } }) => [key, moves, cents]),
      'on conflict (account) do update set moves = excluded.moves, cents = excluded.cents',
    ),
}

const visits: State<number> = {
  name: 'visits',
  async load(sql, keys) {
    const rows = await sql.all<{ account: string; count: number }>(
      'select account, count from visits where account in each(?)',
      keys,
    )
    return new Map(rows.map(({ account, count }) => [account, count]))
  },
  save: (tx, changes: Change<number>[]) =>
    insert(
      tx,
      'visits (account, count)',
      changes.map(({ key, after }) => [key, after]),
      'on conflict (account) do update set count = excluded.count',
    ),
}

/** Asked for again it is another move: whoever asks twice gets two. */
export function move(account: string, cents: number, now: string): Work<number> {
  return about(accounts, account, (said = 0) => {
    const number = said + 1
    const detail = String(number)
    return {
      state: number,
      result: number,
      messages: [Moved.of(account, now, { number, cents }, { detail }), Visited.of(account, now, {}, { detail })],
    }
  })
}

type Wrap = (handler: Handler) => Handler

/** How the ledger's handlers are kept in order, and how its visits are counted once; a mutant leaves either out. */
export interface Care {
  inOrder: Wrap
  once: Wrap
}

export const careful: Care = {
  inOrder: inOrder<{ number: number }>('moves', ({ subject, data }) => ({ key: subject, position: data.number })),
  once: once('visits'),
}

export const services = (care: Care): SimulatedService[] => [
  { name: 'teller-service', folder: join(import.meta.dirname, 'teller-service'), wire: () => ({ consumers: [] }) },
  {
    name: 'ledger-service',
    folder: join(import.meta.dirname, 'ledger-service'),
    wire: () => ({
      consumers: [
        { queue: 'ledger.queue', prefetch: 64, handlers: [care.inOrder(writing)] },
        { queue: 'visits.queue', prefetch: 64, handlers: [care.once(counting)] },
      ],
    }),
  },
]

const writing = on(Moved, ledgers, {
  decide: ({ data: { number, cents } }, ledger = { moves: '', cents: 0 }) => ({
    state: { moves: `${ledger.moves}${number},`, cents: ledger.cents + cents },
    messages: [],
  }),
})

const counting = on(Visited, visits, { decide: (_, count = 0) => ({ state: count + 1, messages: [] }) })
