// A broker in memory that knows when the services over it have come to rest.
import { topology } from '@orders/shared/contracts'
import type { Publication } from '@orders/shared/messaging'
import { createMemoryBroker, eventually } from '@orders/shared/testing'

const CONSUMED = topology.queues.map(({ name }) => name).filter((name) => !/transit|deadline/.test(name))

/** `isIdle` says whether the services have nothing left to do by themselves. */
export function restingBroker(isIdle: () => Promise<boolean>) {
  const memory = createMemoryBroker(topology)
  let published = 0
  let unconfirmed = 0

  function connect(name: string) {
    const connection = memory.connect(name)
    const publish = async (publication: Publication) => {
      published += 1
      unconfirmed += 1
      try {
        await connection.publish(publication)
      } finally {
        unconfirmed -= 1
      }
    }
    return { ...connection, publish }
  }

  const isQuiet = () =>
    unconfirmed === 0 && CONSUMED.every((name) => memory.messages(name).length === 0 && memory.unsettled(name) === 0)

  async function isAtRest(): Promise<boolean> {
    const before = published
    return isQuiet() && (await isIdle()) && isQuiet() && published === before
  }

  return {
    broker: { ...memory, connect },
    /** No message waits, none is under way, and nothing waits to be published. */
    settled: () => eventually('all is settled', isAtRest),
  }
}
