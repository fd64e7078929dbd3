// The throttle: never more than so much in any window, nothing lost, and nobody waits for longer than necessary.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Recent, roomAt, type Throttle, withOne } from '../rules/throttle.ts'

interface Held {
  dueMs: number
  number: number
}

/** Messages that arrive at `arrivals`, and a release that looks at what is due only when it is `awake`. */
function run(throttle: Throttle, arrivals: number[], isAwake: (ms: number) => boolean) {
  let recent: Recent = { sent: [], places: [] }
  let held: Held[] = []
  const sent: { ms: number; number: number }[] = []
  const take = (number: number, ms: number, hasPlace: boolean) => {
    const roomMs = roomAt(recent, throttle, ms, hasPlace)
    recent = withOne(recent, throttle, ms, { roomMs, hasPlace })
    if (roomMs <= ms) sent.push({ ms, number })
    else held.push({ dueMs: roomMs, number })
  }
  for (let ms = 0; ms < 2_000 && sent.length < arrivals.length; ms++) {
    for (const [number, at] of arrivals.entries()) if (at === ms) take(number, ms, false)
    const due = isAwake(ms) ? held.filter(({ dueMs }) => dueMs <= ms).sort((a, b) => a.dueMs - b.dueMs) : []
    held = held.filter((one) => !due.includes(one))
    for (const { number } of due) take(number, ms, true)
  }
  return sent
}

/** The most that any window of this length has seen. */
const mostIn = (times: number[], windowMs: number) =>
  Math.max(0, ...times.map((from) => times.filter((ms) => ms >= from && ms < from + windowMs).length))

const throttles = fc.record({ max: fc.integer({ min: 1, max: 4 }), windowMs: fc.integer({ min: 1, max: 40 }) })
const arriving = fc.array(fc.nat(60), { minLength: 1, maxLength: 25 }).map((times) => times.sort((a, b) => a - b))

it('lets through what there is room for, in the order of arrival, each as early as can be', () => {
  fc.assert(
    fc.property(throttles, arriving, (throttle, arrivals) => {
      const earliest: number[] = []
      for (const at of arrivals) {
        const before = earliest[earliest.length - throttle.max]
        earliest.push(before === undefined ? at : Math.max(at, before + throttle.windowMs))
      }
      // Of two that go in the same instant, either may be first: one that waited, and one that finds room as it comes.
      const sent = run(throttle, arrivals, () => true).sort(
        (one, other) => one.ms - other.ms || one.number - other.number,
      )
      expect(sent).toEqual(earliest.map((ms, number) => ({ ms, number })))
    }),
    { numRuns: 60, examples: [[{ max: 3, windowMs: 10 }, [5, 5, 5, 5, 15]]] },
  )
})

it('keeps the limit, and loses nothing, when what it promised comes late', () => {
  fc.assert(
    fc.property(throttles, arriving, fc.nat(80), fc.nat(150), (throttle, arrivals, from, length) => {
      const sent = run(throttle, arrivals, (ms) => ms < from || ms >= from + length)
      expect(sent.map(({ number }) => number).sort((a, b) => a - b)).toEqual([...arrivals.keys()])
      expect(
        mostIn(
          sent.map(({ ms }) => ms),
          throttle.windowMs,
        ),
      ).toBeLessThanOrEqual(throttle.max)
    }),
    { numRuns: 60 },
  )
})
