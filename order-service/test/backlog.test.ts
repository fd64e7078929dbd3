// The bound on waiting orders: exact for what this process lets in, and counted anew as time passes.
import { describe, expect, it } from 'vitest'
import { createBacklog } from '../backlog.ts'

function backlog(waitingMax: number) {
  const state = { waiting: 0, counts: 0, nowMs: 0 }
  const count = async () => {
    state.counts += 1
    await new Promise((turn) => setImmediate(turn))
    return state.waiting
  }
  const { takeOne } = createBacklog(count, waitingMax, () => state.nowMs)
  const take = () =>
    takeOne().then(
      () => 'taken',
      ({ status, code, retryAfterSeconds }) => [status, code, retryAfterSeconds],
    )
  return { state, take }
}

const FULL = [503, 'backlog_full', 5]

describe('the backlog', () => {
  it('lets in as many as may wait, and no more, between two counts', async () => {
    const { state, take } = backlog(3)
    expect([await take(), await take(), await take(), await take()]).toEqual(['taken', 'taken', 'taken', FULL])
    expect(state.counts).toBe(1)
  })

  it('holds also for those that come at the same moment', async () => {
    const { take } = backlog(3)
    const outcomes = await Promise.all(Array.from({ length: 10 }, take))
    expect(outcomes.filter((outcome) => outcome === 'taken')).toHaveLength(3)
    expect(await take()).toEqual(FULL)
  })

  it('counts anew after a second, what the others have done included', async () => {
    const { state, take } = backlog(2)
    state.waiting = 2
    expect(await take()).toEqual(FULL)
    state.waiting = 1
    expect(await take()).toEqual(FULL)
    state.nowMs += 1_000
    expect([await take(), await take()]).toEqual(['taken', FULL])
  })
})
