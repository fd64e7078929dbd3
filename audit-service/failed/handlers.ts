// Stores dead letters and unrouted messages for an operator.
import { registry, topology } from '@orders/shared/contracts'
import { failuresIn, type Keeping, owned, seen, type Work } from '@orders/shared/messaging'
import { type Letter, letterOf } from './letter.ts'
import { failures } from './store.ts'

/** The queue names are the same on a single node and on a cluster. */
export const failureQueues = failuresIn(topology)

const known = new Set([...registry.contracts.keys(), ...registry.rpcs.map(({ type }) => type)])
/** A body can have a megabyte. */
const PREFETCH = 64

export function keeping(missing: Set<string>): Keeping {
  return {
    queues: [...failureQueues.keys()],
    prefetch: PREFETCH,
    work(queue, delivery, now) {
      const terms = { home: failureQueues.get(queue), isKnown: (type: string) => known.has(type), now }
      return keepOnce(letterOf(queue, delivery, terms))
    },
    missing(queue, isMissing) {
      if (isMissing) missing.add(queue)
      else missing.delete(queue)
    },
  }
}

/** A message that was sent again and failed again belongs to its first failure. */
function keepOnce(letter: Letter): Work<undefined> {
  const { id, sentAgainOf } = letter
  const before = sentAgainOf === null ? [] : [seen(failures, sentAgainOf)]
  return {
    reads: () => [owned(failures, id), ...before],
    decide(draft) {
      const root = sentAgainOf === null ? undefined : draft.get(failures, sentAgainOf)?.root
      if (!draft.get(failures, id)) draft.set(failures, id, { root: root ?? id, letter })
      return { result: undefined, messages: [] }
    },
  }
}
