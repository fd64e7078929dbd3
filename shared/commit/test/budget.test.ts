// What a group costs in statements, which no machine makes faster or slower: it does not grow with its members.
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { openKernel, saving } from '../../handling/test/kernel.ts'
import { eventually } from '../../testing/index.ts'

// A group that only forgets, after a second without others, would forget what is to be counted, or be counted too.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }))
afterEach(() => void vi.useRealTimers())

/** Statements of one group of so many members, each with a change and a message, that also forgets what the last one said. */
async function spentBy(members: number): Promise<number> {
  const groups: number[] = []
  const { commit, outbox, database } = await openKernel({ committed: (count) => groups.push(count) })
  const submitAll = (prefix: string) =>
    Promise.all(Array.from({ length: members }, (_, index) => commit.submit(saving(`${prefix}-${index}`))))
  await submitAll('before')
  await eventually('all is confirmed', () => outbox.pending().confirmed === members)
  const before = database.spent.statements

  await submitAll('now')

  expect(groups).toEqual([members, members])
  return database.spent.statements - before
}

it('a group of 64 costs what a group of one costs: begin, load, record, save, forget, commit', async () => {
  expect(await spentBy(1)).toBe(6)
  expect(await spentBy(64)).toBe(6)
})

it('others cost a few more, since rows are inserted in parts of few sizes', async () => {
  expect(await spentBy(128)).toBe(8)
  // 64, 32, 16, 8, 4, 2 and 1.
  expect(await spentBy(127)).toBe(18)
})

it('a member that changes nothing and says nothing costs nothing', async () => {
  const { commit, database } = await openKernel()
  const before = database.spent.statements
  await Promise.all(
    Array.from({ length: 64 }, (_, index) =>
      commit.submit({ ...saving(`id-${index}`), decide: () => ({ result: index, messages: [] }) }),
    ),
  )
  expect(database.spent.statements - before).toBe(3)
})
