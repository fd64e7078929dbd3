// What the broker refuses of an outbox: offered once, then tried ever more rarely, and taken at a growing pace once it is taken.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { deferred } from '../../runtime/deferred.ts'
import type { Recorded } from '../outbox-rows.ts'
import { createRefused } from '../refused.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const rowOf = (sequence: number): Recorded => ({
  sequence,
  publication: { exchange: 'facts', routingKey: 'full', body: Buffer.from(''), properties: { headers: {} } },
})

function rig() {
  const state = { isFull: true, isReadable: true, gone: new Set<number>() }
  const tried: number[] = []
  const refused = createRefused({
    async read(sequences) {
      if (!state.isReadable) throw new Error('away')
      return sequences.filter((sequence) => !state.gone.has(sequence)).map(rowOf)
    },
    async publish({ sequence }) {
      tried.push(sequence)
      if (state.isFull) refused.hold('facts full', sequence)
      return !state.isFull
    },
  })
  const hold = (count: number) => {
    for (let sequence = 1; sequence <= count; sequence++) refused.hold('facts full', sequence)
  }
  /** How many are tried in each of so many seconds. */
  async function triesOf(seconds: number): Promise<number[]> {
    const tries: number[] = []
    for (let second = 0; second < seconds; second++) {
      const before = tried.length
      await vi.advanceTimersByTimeAsync(1_000)
      tries.push(tried.length - before)
    }
    return tries
  }
  return { state, refused, tried, hold, triesOf }
}

describe('what is refused', () => {
  it('is tried by one message after 1 s, 2 s, 4 s and so on, whatever waits', async () => {
    const { refused, hold, triesOf } = rig()
    hold(5_000)
    const tries = await triesOf(100)
    expect(tries.flatMap((count, second) => (count > 0 ? [[second + 1, count]] : []))).toEqual(
      [1, 3, 7, 15, 31, 61, 91].map((second) => [second, 1]),
    )
    expect(refused.routes()).toEqual([{ route: 'facts full', waiting: 5_000 }])
    expect(refused.count()).toBe(5_000)
  })

  it('is tried by one message in each new session, whatever its pause, and otherwise as before', async () => {
    const { refused, hold, tried, triesOf } = rig()
    hold(10)
    await triesOf(8)
    const before = tried.length
    refused.tryNow()
    refused.tryNow()
    expect(await triesOf(15)).toEqual([1, ...Array.from({ length: 14 }, () => 0)])
    expect(tried.length).toBe(before + 1)
    expect(refused.count()).toBe(10)
  })

  it('is tried by nobody else while one is under way, whatever sessions begin meanwhile', async () => {
    const gate = deferred()
    const tried: number[] = []
    const refused = createRefused({
      read: async (sequences) => sequences.map(rowOf),
      async publish({ sequence }) {
        tried.push(sequence)
        await gate.promise
        refused.hold('facts full', sequence)
        return false
      },
    })
    for (const sequence of [1, 2, 3]) refused.hold('facts full', sequence)
    await vi.advanceTimersByTimeAsync(1_000)
    for (let session = 0; session < 3; session++) {
      refused.tryNow()
      await vi.advanceTimersByTimeAsync(10)
    }
    expect(tried).toEqual([1])
    gate.resolve()
    await vi.advanceTimersByTimeAsync(100)
    expect(tried).toEqual([1])
    refused.close()
  })

  it('is all tried, each once, as soon as one is taken', async () => {
    const { state, refused, tried, hold, triesOf } = rig()
    hold(5_000)
    await triesOf(2)
    state.isFull = false
    tried.length = 0
    await triesOf(2)
    expect(tried.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 5_000 }, (_, index) => index + 1))
    expect([refused.routes(), refused.count()]).toEqual([[], 0])
  })

  it('goes back to one at a time when it is refused again', async () => {
    const { state, tried, hold, triesOf } = rig()
    hold(1_000)
    state.isFull = false
    await vi.advanceTimersByTimeAsync(1_000)
    state.isFull = true
    const before = tried.length
    await triesOf(60)
    // One batch was under way; after it single ones.
    expect(tried.length - before).toBeLessThanOrEqual(256 + 7)
  })

  it('waits while the table cannot be read, and forgets what another copy has taken over', async () => {
    const { state, refused, tried, hold, triesOf } = rig()
    hold(3)
    state.isReadable = false
    await triesOf(10)
    expect([tried, refused.count()]).toEqual([[], 3])
    state.isReadable = true
    state.isFull = false
    state.gone = new Set([1, 2])
    await triesOf(40)
    expect([tried, refused.count(), refused.routes()]).toEqual([[3], 0, []])
  })
})
