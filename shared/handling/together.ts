// Work that is as dear for one as for many: what comes while it is done is done together when that is over.

/**
 * Gives what does `work` for one, and resolves when that is done. A group that fails is tried one by one, so that nobody fails for
 * another's sake.
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
          const [only] = group
          if (only && group.length === 1) return only.reject(error)
          for (const { one, resolve, reject } of group) await work([one]).then(resolve, reject)
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
