// `inOrder` and `once` under everything that goes wrong: reordering, repetition, failures and crashes at each await. And that the checks
// notice when either is missing.
import {
  type Complain,
  commonChecks,
  insist,
  type KeptAtRest,
  rowsOf,
  type Scenario,
  simulate,
  type Tamper,
  type World,
} from '@orders/shared/testing'
import { expect, it } from 'vitest'
import { ledger } from './ledger/domain.ts'
import { type Care, careful, move, services } from './ledger/services.ts'

const ACCOUNTS = 4
const MOVES = 80
const SEEDS = 15

interface Evidence extends KeptAtRest {
  said: ReadonlyMap<string, number>
  written: ReadonlyMap<string, string>
  counted: ReadonlyMap<string, number>
}

const scenario: Scenario<Evidence> = {
  act(world, number, random) {
    const account = `account-${random.between(1, ACCOUNTS)}`
    return [
      insist(world, () =>
        world.ask('teller-service', ({ commit, now }) => commit.submit(move(account, number, now().toISOString()))),
      ),
    ]
  },
  gather: (world, kept) => ({
    ...kept,
    said: columnOf(world, 'teller-service', 'accounts', 'said'),
    written: columnOf(world, 'ledger-service', 'ledgers', 'moves'),
    counted: columnOf(world, 'ledger-service', 'visits', 'count'),
  }),
  checks: { ...commonChecks, 'moves are written in their order, each once': inTheirOrder, 'a visit counts once': once },
}

function inTheirOrder({ said, written }: Evidence, complain: Complain): number {
  for (const [account, count] of said) {
    const wanted = Array.from({ length: count }, (_, index) => `${index + 1},`).join('')
    if (written.get(account) !== wanted) complain(account, `has ${written.get(account)} and not ${wanted}`)
  }
  return said.size
}

function once({ said, counted }: Evidence, complain: Complain): number {
  for (const [account, count] of said)
    if (counted.get(account) !== count) complain(account, `counts ${counted.get(account)} visits, and had ${count}`)
  return said.size
}

function columnOf<T>(world: World, service: string, table: string, column: string): ReadonlyMap<string, T> {
  const rows = rowsOf<{ account: string; value: T }>(world, service, `select account, ${column} as value from ${table}`)
  return new Map(rows.map(({ account, value }) => [account, value]))
}

const run = (seed: number, { care = careful, tamper, copies = 1 }: { care?: Care; tamper?: Tamper; copies?: number }) =>
  simulate({ domain: ledger, services: services(care), seed, wishes: MOVES, copies, tamper }, scenario)

it.each([1, 2])('with %i copies of each service nothing is wrong, whatever the seed', async (copies) => {
  let crashes = 0
  let overtaken = 0
  for (let seed = 0; seed < SEEDS; seed++) {
    const { violations, counts } = await run(seed, { copies })
    expect(violations, `seed ${seed}`).toEqual([])
    crashes += counts.crashes
    overtaken += counts.overtaken
  }
  expect(Math.min(crashes, overtaken)).toBeGreaterThan(SEEDS)
})

const unchanged: Care['once'] = (handler) => handler
/** Nobody tells what waits that its turn has come. */
const unreleased: Tamper = {
  database: (database) => ({
    ...database,
    transaction: (work) =>
      database.transaction((tx) =>
        work({ ...tx, run: async (sql, ...values) => (sql.includes('ends_at = null') ? 0 : tx.run(sql, ...values)) }),
      ),
  }),
}

it.each([
  [
    'a handler without its order',
    { care: { ...careful, inOrder: unchanged } },
    'moves are written in their order, each once',
  ],
  ['a handler that counts what it hears', { care: { ...careful, once: unchanged } }, 'a visit counts once'],
  ['a turn that releases nobody', { tamper: unreleased }, 'nothing waits to be tried again'],
])('finds %s', async (_, mutant, foundBy) => {
  const found = new Set<string>()
  for (let seed = 0; seed < SEEDS && !found.has(foundBy); seed++)
    for (const { check } of (await run(seed, mutant)).violations) found.add(check)
  expect([...found]).toContain(foundBy)
})
