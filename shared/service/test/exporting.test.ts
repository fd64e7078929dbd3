// A page of what is held ends when it is full, and when it has taken long: whoever asks waits for a few seconds only.
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { ExportReply } from '../../contracts/definition/operations.ts'
import type { Reader } from '../../storage/index.ts'
import { type ExportPage, exporterOf } from '../exporting.ts'
import type { Holding } from '../holdings.ts'

const SECONDS = 2
beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

/** So many rows, a step of them at a time, each of which takes so long. */
function holding(rows: number, { step, seconds, isSlow }: { step: number; seconds: number; isSlow?: true }): Holding {
  return {
    by: 'subjects',
    ...(isSlow && { isSlow }),
    async list(_, __, { after = [0], limit }) {
      vi.advanceTimersByTime(seconds * 1_000)
      const from = Number(after[0])
      const count = Math.min(step, limit, rows - from)
      return Array.from({ length: count }, (_, index) => ({ place: [from + index + 1], record: { row: from + index } }))
    },
  }
}

async function pagesOf(holdings: Record<string, Holding>): Promise<string[][]> {
  const crossing = { seal: async (text: string) => text, open: async (text: string) => text }
  const show = async () => []
  // The kernel's own tables are read too, and are empty.
  const database = { all: async () => [], get: async () => undefined } as Reader
  const answer = exporterOf({ database, show, crossing, holdings })
  const pages: string[][] = []
  for (let next: string | null | undefined; next !== null; ) {
    const asked = { ownerId: 'cus_1', names: '[]', subjects: ['1'], ...(next && { after: next }) }
    const reply: ExportReply = await answer(asked)
    const { records, missing = [] } = JSON.parse(reply.page) as ExportPage
    pages.push([...records.map(({ table, record }) => `${table} ${(record as { row: number }).row}`), ...missing])
    next = reply.next
  }
  return pages
}

it('gives all of what is read in slow steps, a page for each of them, and then the rest', async () => {
  const slow = holding(3, { step: 1, seconds: SECONDS, isSlow: true })
  const quick = holding(2, { step: 100, seconds: 0 })
  expect(await pagesOf({ slow, quick })).toEqual([['slow 0'], ['slow 1'], ['slow 2'], ['quick 0', 'quick 1']])
})

it('gives as many short steps on one page as it takes', async () => {
  const slow = holding(5, { step: 2, seconds: 0.1, isSlow: true })
  expect(await pagesOf({ slow })).toEqual([['slow 0', 'slow 1', 'slow 2', 'slow 3', 'slow 4']])
})

it('says what cannot be given out, once, and gives the rest', async () => {
  const rows = [
    { place: [1], record: { row: 0 } },
    { place: [2], missing: 'a file is gone' },
    { place: [3], record: { row: 2 } },
  ]
  const holed: Holding = {
    by: 'subjects',
    isSlow: true,
    list: async (_, __, { after = [0] }) => rows.slice(Number(after[0]), Number(after[0]) + 1),
  }
  expect(await pagesOf({ holed })).toEqual([['holed 0', 'holed 2', 'a file is gone']])
})
