// Timers that the broker keeps: what is overdue by more than the grace is decided from the table, once.
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { about } from '../../commit/work.ts'
import { eventually } from '../../testing/index.ts'
import { type Timers, watchOverdue } from '../overdue.ts'
import { NOW, notes, openKernel, publishedIds, reserved } from './kernel.ts'

const LOOK_EVERY_MS = 5_000
const GRACE_MS = 10_000

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }))
afterEach(() => void vi.useRealTimers())

/** Rows of `effects` are timers here: the id is the subject, the note when it is due, or that it is decided. */
const timers: Timers = {
  name: 'test.timer',
  graceMs: GRACE_MS,
  lookEveryMs: LOOK_EVERY_MS,
  async overdue(sql, dueBefore, limit) {
    const rows = await sql.all<{ id: string }>(
      `select id from effects where note <> 'decided' and note <= ? order by note limit ?`,
      dueBefore,
      limit,
    )
    return rows.map(({ id }) => id)
  },
  work: (subject) =>
    about(notes, subject, (note) =>
      note === undefined || note === 'decided'
        ? { result: false, messages: [] }
        : { state: 'decided', result: true, messages: [reserved(subject)] },
    ),
}

async function waiting(ids: string[], dueAfterMs = 0) {
  const kernel = await openKernel()
  let nowMs = Date.parse(NOW)
  const due = new Date(nowMs + dueAfterMs).toISOString()
  for (const id of ids) await kernel.database.run('insert into effects (id, note) values (?, ?)', id, due)
  const watch = (own: Partial<Timers> = {}) => {
    const watching = watchOverdue({ ...kernel, now: () => new Date(nowMs) }, { ...timers, ...own })
    onTestFinished(watching.close)
    return watching
  }
  const pass = (ms: number) => {
    nowMs += ms
  }
  const tick = () => void vi.advanceTimersByTime(LOOK_EVERY_MS)
  const decided = async () =>
    (await kernel.database.all(`select id from effects where note = 'decided'`)).map(({ id }) => id)
  return { kernel, watch, pass, tick, decided }
}

it('is decided and said when its grace is over, and not before', async () => {
  const { kernel, watch, pass, tick, decided } = await waiting(['a'])
  let looks = 0
  const overdue: Timers['overdue'] = (...asked) => {
    looks += 1
    return timers.overdue(...asked)
  }
  pass(GRACE_MS - 1)
  watch({ overdue })
  await eventually('it has looked at least twice', () => {
    tick()
    return looks > 2
  })
  expect(await decided()).toEqual([])
  pass(1)
  await eventually('it is said', () => {
    tick()
    return publishedIds(kernel).includes('a/inventory.reserved')
  })
  expect(kernel.lines.filter(({ msg }) => msg.startsWith('timers did not come back'))).toMatchObject([{ count: 1 }])
})

it('is decided at a start, however many there are, and once with two copies', async () => {
  const ids = Array.from({ length: 250 }, (_, index) => `order-${String(index).padStart(3, '0')}`)
  const { kernel, watch, decided } = await waiting(ids, -GRACE_MS)
  watch()
  watch()
  await eventually('all are said', () => publishedIds(kernel).length >= ids.length)
  expect(await decided()).toEqual(ids)
  expect(publishedIds(kernel).toSorted()).toEqual(ids.map((id) => `${id}/inventory.reserved`))
})

it('is decided after an outage of the database, of which the log says one line', async () => {
  const { kernel, watch, tick } = await waiting(['a'], -GRACE_MS)
  let looks = 0
  watch({
    async overdue(...asked) {
      looks += 1
      if (looks < 3) throw new Error('away')
      return timers.overdue(...asked)
    },
  })
  await eventually('it is said', () => {
    tick()
    return publishedIds(kernel).includes('a/inventory.reserved')
  })
  expect(kernel.lines.filter(({ msg }) => msg === 'cannot look for overdue timers')).toHaveLength(1)
})

it('asks for no more when others have decided a whole batch', async () => {
  const { watch, kernel } = await waiting([])
  let looks = 0
  const watching = watch({
    overdue: async () => {
      looks += 1
      return ['gone']
    },
  })
  await eventually('it has looked', () => looks > 0)
  await watching.close()
  expect(looks).toBe(1)
  expect(publishedIds(kernel)).toEqual([])
})
