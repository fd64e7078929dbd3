// Acks in few frames, and never a wrong one: an ack too many loses a message, one too few stalls the consumer.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createAcks, type How } from '../acks.ts'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A broker's side of one channel: it knows what is open, and what each frame settles. */
function channel() {
  const open = new Set<number>()
  const settled: number[] = []
  const frames: [number, How][] = []
  return {
    open,
    settled,
    frames,
    send(tag: number, how: How) {
      frames.push([tag, how])
      const covered = how === 'and those before' ? [...open].filter((other) => other <= tag) : [tag]
      // RabbitMQ closes the channel for an ack of what is not open.
      if (!open.has(tag)) throw new Error(`unknown delivery tag ${tag}`)
      for (const other of covered) {
        open.delete(other)
        settled.push(other)
      }
    },
  }
}

describe('acks', () => {
  it('settled in one turn go out as one frame', async () => {
    const { send, open, frames } = channel()
    const acks = createAcks(send)
    const settle = [1, 2, 3, 4].map((tag) => {
      open.add(tag)
      return acks.add(tag)
    })
    for (const one of settle) one.ack()

    await turn()

    expect(frames).toEqual([[4, 'and those before']])
  })

  it('do not wait for a slow delivery, and do not settle it', async () => {
    const { send, open, frames, settled } = channel()
    const acks = createAcks(send)
    const [first, slow, third, fourth] = [1, 2, 3, 4].map((tag) => {
      open.add(tag)
      return acks.add(tag)
    })
    for (const one of [third, first, fourth]) one?.ack()
    await turn()
    expect(frames).toEqual([
      [1, 'alone'],
      [3, 'alone'],
      [4, 'alone'],
    ])
    expect([...open]).toEqual([2])

    slow?.ack()
    await turn()
    expect(settled.sort()).toEqual([1, 2, 3, 4])
  })

  it('of a delivery settled twice go out once', async () => {
    const { send, open, frames } = channel()
    const acks = createAcks(send)
    open.add(1)
    const settle = acks.add(1)
    settle.ack()
    settle.ack()
    await turn()
    settle.ack()
    await turn()
    expect(frames).toEqual([[1, 'alone']])
  })

  it('settle every delivery exactly once and none too early, whatever the order', async () => {
    const step = fc.oneof(
      fc.constant<'deliver'>('deliver'),
      fc.constant<'turn'>('turn'),
      fc.record({ settle: fc.nat({ max: 30 }), isRefused: fc.boolean() }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { send, open, settled } = channel()
        const acks = createAcks((tag, how) => {
          const before = new Set(open)
          send(tag, how)
          for (const other of before) if (!open.has(other)) expect(done.has(other)).toBe(true)
        })
        const done = new Set<number>()
        const pending: { tag: number; settle: ReturnType<typeof acks.add> }[] = []
        let tag = 0
        for (const one of steps) {
          if (one === 'deliver') {
            open.add(++tag)
            pending.push({ tag, settle: acks.add(tag) })
          } else if (one === 'turn') await turn()
          else {
            const [chosen] = pending.splice(one.settle % Math.max(1, pending.length), 1)
            if (!chosen) continue
            done.add(chosen.tag)
            if (one.isRefused) chosen.settle.refuse()
            else chosen.settle.ack()
          }
        }
        await turn()
        // What is settled has been told, whatever is still open before or behind it.
        expect(settled.toSorted((a, b) => a - b)).toEqual([...done].sort((a, b) => a - b))
        for (const rest of pending) {
          done.add(rest.tag)
          rest.settle.ack()
        }
        await turn()
        expect(settled.toSorted((a, b) => a - b)).toEqual(Array.from({ length: tag }, (_, index) => index + 1))
        expect(open.size).toBe(0)
      }),
      { numRuns: 300 },
    )
  })
})
