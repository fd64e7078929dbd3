// Batches calls of work that costs the same for one item as for many.
import { isOutage } from '../runtime/errors.ts'

/**
 * Returns a function that resolves when `work` has processed its item. Items that come while `work` runs form the next group.
 * If a group fails, its items are tried one by one, so that none fails because of another; in an outage all of them fail.
 */
export function together<One>(work: (all: readonly One[]) => Promise<void>): (one: One) => Promise<void> {
  let waiting: { one: One; resolve: () => void; reject: (error: unknown) => void }[] = []
  let isAtWork = false

  async function workOff(): Promise<void> {
    isAtWork = true
    for (let group = waiting; group.length > 0; group = waiting) {
      waiting = []
      await work(group.map(({ one }) => one)).then(
        () => {
          for (const { resolve } of group) resolve()
        },
        async (error: unknown) => {
          const isEverybodys = group.length === 1 || isOutage(error)
          for (const { one, resolve, reject } of group)
            await (isEverybodys ? reject(error) : work([one]).then(resolve, reject))
        },
      )
    }
    isAtWork = false
  }

  return (one) =>
    new Promise((resolve, reject) => {
      waiting.push({ one, resolve, reject })
      if (!isAtWork) void workOff()
    })
}
