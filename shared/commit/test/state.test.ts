// A group loads once, decides in memory and saves once: what a decision sees, what it leaves, and what its failure costs.
import { describe, expect, it } from 'vitest'
import { openKernel } from '../../handling/test/kernel.ts'
import type { Reader, Sql, Transaction } from '../../storage/index.ts'
import { type Change, type Draft, type Known, owned, type State, seen } from '../../storage/state.ts'
import { createCells } from '../cells.ts'
import { about, type Work } from '../work.ts'

/** Kept in memory, with what was loaded and what was saved. */
function recording<Value>(name: string, kept: Record<string, Value> = {}) {
  const loads: string[][] = []
  const saves: Change<Value>[][] = []
  const state: State<Value> = {
    name,
    async load(_: Reader, keys) {
      loads.push(keys)
      return new Map(Object.entries(kept).filter(([key]) => keys.includes(key)))
    },
    async save(_: Sql, changes) {
      saves.push(changes)
      for (const { key, after } of changes) kept[key] = after
    },
  }
  return { state, kept, loads, saves }
}

const adding = (state: State<number>, key: string, count = 1): Work<number> =>
  about(state, key, (known = 0) => ({ state: known + count, result: known + count, messages: [] }))

/** Does anything whatever with what it named beforehand. */
const doing = <T>(reads: Work<T>['reads'], decide: (draft: Draft) => T): Work<T> => ({
  reads,
  decide: (draft) => ({ result: decide(draft), messages: [] }),
})

/** What became of works that were submitted at the same moment, as one group. */
async function together(...works: Work<unknown>[]): Promise<unknown[]> {
  const { commit } = await openKernel()
  const verdicts = await Promise.allSettled(works.map((work) => commit.submit(work)))
  return verdicts.map((verdict) =>
    verdict.status === 'fulfilled' ? verdict.value : `Error: ${verdict.reason.message}`,
  )
}

describe('loading', () => {
  it('asks each state once for the keys of the whole group, each key once', async () => {
    const orders = recording('orders', { b: 10 })
    const stock = recording('stock', { x: 5 })
    const both = doing(
      () => [owned(orders.state, 'a'), owned(stock.state, 'x'), seen(stock.state, 'y')],
      (draft) => [draft.get(orders.state, 'a'), draft.get(stock.state, 'x'), draft.get(stock.state, 'y')],
    )

    const told = await together(adding(orders.state, 'a'), adding(orders.state, 'b'), both, adding(orders.state, 'a'))

    expect(told).toEqual([1, 11, [1, 5, undefined], 2])
    expect(orders.loads).toEqual([['a', 'b']])
    expect(stock.loads).toEqual([['x', 'y']])
  })

  it('goes on with what only the first keys could name, once for the group', async () => {
    const orders = recording<{ skus: string[] }>('orders', { a: { skus: ['x', 'y'] }, b: { skus: ['y', 'z'] } })
    const stock = recording('stock', { x: 1, y: 2, z: 3 })
    const asked: unknown[] = []
    const counting = (orderId: string): Work<number> => {
      const skusOf = (known: Known) => known.get(orders.state, orderId)?.skus ?? []
      return doing(
        (known) => {
          asked.push(known.get(orders.state, orderId)?.skus)
          return [owned(orders.state, orderId), ...skusOf(known).map((sku) => seen(stock.state, sku))]
        },
        (draft) => skusOf(draft).reduce((sum, sku) => sum + (draft.get(stock.state, sku) ?? 0), 0),
      )
    }

    expect(await together(counting('a'), counting('b'), counting('unknown'))).toEqual([3, 5, 0])

    expect(orders.loads).toEqual([['a', 'b', 'unknown']])
    expect(stock.loads).toEqual([['x', 'y', 'z']])
    // Before anything is loaded, nothing is known.
    expect(asked.slice(0, 3)).toEqual([undefined, undefined, undefined])
  })

  it('loads again, with its lock, what somebody turns out to change that was loaded to be read only', async () => {
    const orders = recording('orders', { a: 1 })
    const locked: string[][] = []
    const tx = { lock: async (keys: string[]) => void locked.push(keys) } as Transaction
    const cells = createCells()
    const late = (known: Known) => [
      seen(orders.state, 'a'),
      ...(known.get(orders.state, 'a') === undefined ? [] : [owned(orders.state, 'a')]),
    ]

    await cells.load(tx, [], late)

    expect(orders.loads).toEqual([['a'], ['a']])
    expect(locked).toEqual([[], ['orders a']])
    cells.decide((draft) => draft.set(orders.state, 'a', 2))
    expect(cells.get(orders.state, 'a')).toBe(2)
  })

  it('takes the locks of what may be changed first, by state and key, and of nothing else', async () => {
    const steps: unknown[] = []
    const watched = (name: string): State<number> => ({
      name,
      async load(_, keys) {
        steps.push([name, keys])
        return new Map()
      },
      save: async () => undefined,
    })
    const [orders, stock] = [watched('orders'), watched('stock')]
    const tx = { lock: async (keys: string[]) => void steps.push(['lock', keys]) } as Transaction

    await createCells().load(tx, [], () => [
      owned(orders, 'a'),
      seen(orders, 'b'),
      owned(stock, 'a'),
      // Read by one and changed by another: it is locked, and once.
      seen(stock, 'c'),
      owned(stock, 'c'),
      seen(stock, 'c'),
    ])

    expect(steps).toEqual([
      ['lock', ['orders a', 'stock a', 'stock c']],
      ['orders', ['a', 'b']],
      ['stock', ['a', 'c']],
    ])
  })

  it('ends with an error for who goes on naming keys, and the others are saved', async () => {
    const orders = recording<number>('orders')
    let named = 0
    const endless = doing(
      () => {
        named += 1
        return Array.from({ length: named }, (_, index) => seen(orders.state, `key-${index}`))
      },
      () => 'never',
    )

    const told = await together(adding(orders.state, 'a'), endless, adding(orders.state, 'b'))

    expect(told).toEqual([1, 'Error: a decision names more to read in every round', 1])
    expect(orders.kept).toEqual({ a: 1, b: 1 })
    expect(named).toBeLessThan(100)
  })

  it('refuses who cannot say what it reads, and nobody else: at once, or when more is known', async () => {
    const orders = recording('orders', { a: 7 })
    const failing = (isFault: (known: Known) => boolean) =>
      doing(
        (known) => {
          if (isFault(known)) throw new Error('cannot be read')
          return [owned(orders.state, 'a')]
        },
        (draft) => {
          draft.set(orders.state, 'a', 0)
          return 'never'
        },
      )

    const told = await together(
      adding(orders.state, 'a'),
      failing(() => true),
      failing((known) => known.get(orders.state, 'a') !== undefined),
      adding(orders.state, 'a'),
    )

    expect(told).toEqual([8, 'Error: cannot be read', 'Error: cannot be read', 9])
    expect(orders.saves).toEqual([[{ key: 'a', before: 7, after: 9 }]])
  })
})

describe('a decision', () => {
  it('sees what those before it in the group have decided, about what exists and what does not', async () => {
    const orders = recording('orders', { a: 10 })
    const all = [1, 2, 3].flatMap((count) => [adding(orders.state, 'a', count), adding(orders.state, 'new', count)])

    expect(await together(...all)).toEqual([11, 1, 13, 3, 16, 6])

    expect(orders.loads).toEqual([['a', 'new']])
    expect(orders.kept).toEqual({ a: 16, new: 6 })
  })

  it('that throws leaves nothing, neither of one key nor of several, nor of one that it set twice', async () => {
    const orders = recording('orders', { a: 10, b: 20 })
    const throwing = doing(
      () => ['a', 'b', 'c'].map((key) => owned(orders.state, key)),
      (draft): number => {
        for (const key of ['a', 'b', 'c', 'a']) draft.set(orders.state, key, 999)
        draft.set(orders.state, 'a', 1_000)
        throw new Error('refused')
      },
    )

    const told = await together(
      adding(orders.state, 'a'),
      throwing,
      adding(orders.state, 'a'),
      adding(orders.state, 'b'),
      throwing,
    )

    expect(told).toEqual([11, 'Error: refused', 12, 21, 'Error: refused'])
    expect(orders.saves).toEqual([
      [
        { key: 'a', before: 10, after: 12 },
        { key: 'b', before: 20, after: 21 },
      ],
    ])
  })

  it.each<[string, (draft: Draft, state: State<number>) => void, string]>([
    [
      'changes what it named for reading only',
      (draft, state) => draft.set(state, 'read', 1),
      'orders read is changed, but the handler named it only for reading',
    ],
    [
      'reads what it did not name',
      (draft, state) => void draft.get(state, 'unnamed'),
      'orders unnamed is part of a decision, but the handler did not name it before',
    ],
    [
      'changes what it did not name',
      (draft, state) => draft.set(state, 'unnamed', 1),
      'orders unnamed is part of a decision, but the handler did not name it before',
    ],
    [
      'reads of a state that nobody has named anything of',
      (draft) => void draft.get(recording('stock').state, 'a'),
      'stock a is part of a decision, but the handler did not name it before',
    ],
  ])('that %s fails by itself, and leaves nothing', async (_, mistake, message) => {
    const orders = recording('orders', { read: 5, a: 10 })
    const mistaken = doing(
      () => [owned(orders.state, 'a'), seen(orders.state, 'read')],
      (draft) => {
        draft.set(orders.state, 'a', 999)
        mistake(draft, orders.state)
        return 'never'
      },
    )

    expect(await together(adding(orders.state, 'a'), mistaken, adding(orders.state, 'a'))).toEqual([
      11,
      `Error: ${message}`,
      12,
    ])

    expect(orders.saves).toEqual([[{ key: 'a', before: 10, after: 12 }]])
  })

  describe('about what only a decision before it in the group has named', () => {
    const opened = () => {
      const orders = recording<string[]>('orders')
      const stock = recording('stock', { x: 1, y: 2 })
      const placing = (orderId: string, skus: string[]) =>
        about(orders.state, orderId, () => ({ state: skus, result: 'placed', messages: [] }))
      let tries = 0
      const selling = (orderId: string, fault?: Error): Work<number[]> =>
        doing(
          (known) => [
            owned(orders.state, orderId),
            ...(known.get(orders.state, orderId) ?? []).map((sku) => owned(stock.state, sku)),
          ],
          (draft) => {
            tries += 1
            return (draft.get(orders.state, orderId) ?? []).map((sku) => {
              const left = (draft.get(stock.state, sku) ?? 0) - 1
              draft.set(stock.state, sku, left)
              if (fault) throw fault
              return left
            })
          },
        )
      return { orders, stock, placing, selling, tries: () => tries }
    }

    it('is made when that has been loaded as well, each key once, in the order of arrival', async () => {
      const { orders, stock, placing, selling, tries } = opened()

      const told = await together(placing('a', ['x', 'y']), selling('a'), selling('b'), selling('a'))

      expect(told).toEqual(['placed', [0, 1], [], [-1, 0]])
      expect(tries()).toBe(4)
      expect(orders.loads).toEqual([['a', 'b']])
      expect(stock.loads).toEqual([['x', 'y']])
      expect(stock.saves).toEqual([
        [
          { key: 'x', before: 1, after: -1 },
          { key: 'y', before: 2, after: 0 },
        ],
      ])
    })

    it('leaves nothing when it throws then, and the others are saved', async () => {
      const { orders, stock, placing, selling } = opened()

      const told = await together(placing('a', ['x']), selling('a', new Error('sold out')), selling('a'))

      expect(told).toEqual(['placed', 'Error: sold out', [0]])
      expect(orders.kept).toEqual({ a: ['x'] })
      expect(stock.saves).toEqual([[{ key: 'x', before: 1, after: 0 }]])
    })

    it('is tried once more and not for ever when it does not name it even then', async () => {
      const { orders, stock, placing } = opened()
      let tries = 0
      const forgetful = doing(
        () => [owned(orders.state, 'a')],
        (draft) => {
          tries += 1
          for (const sku of draft.get(orders.state, 'a') ?? []) draft.get(stock.state, sku)
          return 'never'
        },
      )

      const told = await together(placing('a', ['x']), forgetful, placing('b', []))

      expect(told).toEqual([
        'placed',
        'Error: stock x is part of a decision, but the handler did not name it before',
        'placed',
      ])
      expect(tries).toBe(2)
      expect(orders.kept).toEqual({ a: ['x'], b: [] })
    })
  })

  it('reads what it named for reading only', async () => {
    const orders = recording('orders', { read: 5 })
    const looking = doing(
      () => [seen(orders.state, 'read'), seen(orders.state, 'unknown')],
      (draft) => [draft.get(orders.state, 'read'), draft.get(orders.state, 'unknown')],
    )
    expect(await together(looking)).toEqual([[5, undefined]])
    expect(orders.saves).toEqual([])
  })
})

describe('saving', () => {
  it('is told each key once, as it was and as it is in the end, in one call', async () => {
    const orders = recording('orders', { a: 10 })

    await together(...['a', 'new', 'a', 'new', 'a'].map((key) => adding(orders.state, key)))

    expect(orders.saves).toEqual([
      [
        { key: 'a', before: 10, after: 13 },
        { key: 'new', before: undefined, after: 2 },
      ],
    ])
  })

  it('is told nothing of what stayed as it was, was set to what it was, or was set back', async () => {
    const orders = recording('orders', { unread: 1, same: 2, back: 3, changed: 4 })
    const setting = (key: string, ...values: number[]) =>
      doing(
        () => [owned(orders.state, key)],
        (draft) => {
          for (const value of values) draft.set(orders.state, key, value)
          return 'done'
        },
      )

    await together(setting('unread'), setting('same', 2), setting('back', 9, 3), setting('changed', 5))

    expect(orders.saves).toEqual([[{ key: 'changed', before: 4, after: 5 }]])
  })

  it('is not asked for at all by a state of which nothing has changed', async () => {
    const orders = recording('orders', { a: 1 })
    const stock = recording('stock', { x: 1 })
    const keeping = about(stock.state, 'x', (known) => ({ result: known, messages: [] }))

    expect(await together(adding(orders.state, 'a'), keeping)).toEqual([2, 1])

    expect(orders.saves).toHaveLength(1)
    expect(stock.saves).toEqual([])
  })

  it('costs one call for each state of a group', async () => {
    const orders = recording<number>('orders')
    const stock = recording<number>('stock')
    const ids = Array.from({ length: 60 }, (_, index) => `id-${index}`)

    await together(...ids.flatMap((id) => [adding(orders.state, id), adding(stock.state, id)]))

    expect([orders.saves.length, stock.saves.length]).toEqual([1, 1])
    expect([orders.saves[0]?.length, stock.saves[0]?.length]).toEqual([60, 60])
  })
})
