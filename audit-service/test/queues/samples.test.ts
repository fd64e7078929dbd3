// How long a queue's oldest message has waited, told from counts: never longer than it has.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Followed, followedBy, isNoShorter, waitingSinceMs } from '../../queues/samples.ts'

/** One look for each pair of depth and acknowledgements, ten milliseconds apart. */
const after = (...looks: [depth: number, acked: number][]): Followed =>
  looks.reduce<Followed>(
    (before, [depth, acked], index) => followedBy(before, { depth, acked }, index * 10),
    followedBy(undefined, { depth: 0, acked: 0 }, -10),
  )

describe('since when the oldest message has waited', () => {
  it.each<[why: string, looks: [number, number][], sinceMs: number | undefined]>([
    ['nothing is there', [[0, 5]], undefined],
    [
      'nothing is taken',
      [
        [3, 0],
        [4, 0],
        [9, 0],
      ],
      0,
    ],
    [
      'all that was there at first has been taken',
      [
        [3, 0],
        [5, 2],
        [9, 3],
      ],
      10,
    ],
    [
      'one of the first is left',
      [
        [3, 0],
        [5, 2],
        [9, 2],
      ],
      0,
    ],
    [
      'it was empty in between',
      [
        [3, 0],
        [0, 3],
        [1, 3],
      ],
      20,
    ],
    [
      'it was purged',
      [
        [50, 0],
        [0, 0],
        [1, 0],
      ],
      20,
    ],
    [
      'a part was purged',
      [
        [50, 0],
        [2, 0],
        [3, 10],
      ],
      20,
    ],
    [
      'the broker began to count anew',
      [
        [5, 100],
        [5, 0],
      ],
      10,
    ],
  ])('%s', (_, looks, sinceMs) => expect(waitingSinceMs(after(...looks))).toBe(sinceMs))

  it('is never longer than in a queue that tells of each message', () => {
    const step = fc.record({ come: fc.nat(5), taken: fc.nat(5), dropped: fc.nat(1) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const queue: number[] = []
        let acked = 0
        let followed: Followed | undefined
        for (const [index, { come, taken, dropped }] of steps.entries()) {
          const atMs = index * 10
          for (let one = 0; one < come; one++) queue.push(atMs - 5)
          acked += queue.splice(0, taken).length
          // What nobody acknowledged is gone as well; only a queue that is empty then is known to be.
          if (dropped === 1) queue.splice(0)
          followed = followedBy(followed, { depth: queue.length, acked }, atMs)
          const sinceMs = waitingSinceMs(followed)
          const [oldest] = queue
          if (oldest === undefined) expect(sinceMs).toBeUndefined()
          else if (sinceMs !== undefined) expect(sinceMs).toBeGreaterThanOrEqual(oldest)
        }
      }),
    )
  })

  it('keeps a bounded number of looks, and the first of them', () => {
    let followed: Followed | undefined
    for (let look = 0; look < 1_000; look++) followed = followedBy(followed, { depth: 1 + look, acked: 0 }, look)
    expect(followed?.samples.length).toBeLessThanOrEqual(360)
    expect(followed && waitingSinceMs(followed)).toBe(0)
  })
})

describe('a queue that becomes no shorter', () => {
  it.each<[why: string, looks: [number, number][], isSo: boolean]>([
    [
      'grows',
      [
        [5, 0],
        [6, 0],
        [7, 0],
      ],
      true,
    ],
    [
      'stands still',
      [
        [5, 0],
        [5, 0],
        [5, 0],
      ],
      true,
    ],
    [
      'is being emptied',
      [
        [9, 0],
        [8, 1],
        [7, 2],
      ],
      false,
    ],
    [
      'has not been watched for so long',
      [
        [5, 0],
        [6, 0],
      ],
      false,
    ],
  ])('%s', (_, looks, isSo) => expect(isNoShorter(after(...looks), 20)).toBe(isSo))
})
