// Reads of the same moment share one load, and its failure.
import { expect, it } from 'vitest'
import type { Reader } from '../../storage/index.ts'
import type { State } from '../../storage/state.ts'
import { createReading } from '../reading.ts'

const nowhere: Reader = { all: async () => [], get: async () => undefined }

function watched(name: string, values: Record<string, number> = {}) {
  const loads: { sql: Reader; keys: string[] }[] = []
  let failure: Error | undefined
  const state: State<number> = {
    name,
    async load(sql, keys) {
      loads.push({ sql, keys })
      if (failure) throw failure
      return new Map(Object.entries(values).filter(([key]) => keys.includes(key)))
    },
    save: async () => undefined,
  }
  const fail = (error?: Error) => {
    failure = error
  }
  return { state, loads, fail }
}

it('those of one moment are one load of each state, each key once', async () => {
  const orders = watched('orders', { a: 1, b: 2 })
  const stock = watched('stock', { a: 10 })
  const read = createReading(nowhere)

  const found = await Promise.all([
    read(orders.state, 'a'),
    read(stock.state, 'a'),
    read(orders.state, 'b'),
    read(orders.state, 'a'),
    read(orders.state, 'unknown'),
  ])

  expect(found).toEqual([1, 10, 2, 1, undefined])
  expect(orders.loads).toEqual([{ sql: nowhere, keys: ['a', 'b', 'unknown'] }])
  expect(stock.loads).toEqual([{ sql: nowhere, keys: ['a'] }])
})

it('one that comes later is loaded anew, so that it sees what was committed meanwhile', async () => {
  const values = { a: 1 }
  const orders = watched('orders', values)
  const read = createReading(nowhere)
  expect(await read(orders.state, 'a')).toBe(1)
  values.a = 2
  expect(await read(orders.state, 'a')).toBe(2)
  expect(orders.loads).toHaveLength(2)
})

it('one that comes while others are being loaded does not wait for them, and is not forgotten by them', async () => {
  const orders = watched('orders', { a: 1, b: 2 })
  let release: (() => void) | undefined
  const slow: State<number> = {
    ...orders.state,
    async load(sql, keys) {
      const loaded = await orders.state.load(sql, keys)
      if (keys.includes('a'))
        await new Promise<void>((resolve) => {
          release = resolve
        })
      return loaded
    },
  }
  const read = createReading(nowhere)
  const first = read(slow, 'a')
  for (let turn = 0; turn < 3; turn++) await new Promise((next) => setImmediate(next))

  expect(await read(slow, 'b')).toBe(2)

  release?.()
  expect(await first).toBe(1)
})

it('a failure is told to all that were read together, and to nobody else', async () => {
  const orders = watched('orders', { a: 1 })
  const stock = watched('stock', { a: 10 })
  const away = new Error('the database is away')
  const read = createReading(nowhere)
  orders.fail(away)

  const verdicts = await Promise.allSettled([read(orders.state, 'a'), read(orders.state, 'b'), read(stock.state, 'a')])

  const rejected = { status: 'rejected', reason: away }
  expect(verdicts).toEqual([rejected, rejected, { status: 'fulfilled', value: 10 }])
  expect(orders.loads).toHaveLength(1)
  orders.fail()
  expect(await read(orders.state, 'a')).toBe(1)
})
