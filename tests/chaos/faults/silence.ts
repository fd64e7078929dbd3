// PostgreSQL falls silent for one service: nothing passes, nothing is closed, and new connections get no answer. Then the host is
// back, with what was held back, or without anything of it.
import { setTimeout as delay } from 'node:timers/promises'
import type { ServiceName } from '../../support/system.ts'
import type { World } from '../world.ts'
import { type Inject, untilTrue } from './fault.ts'

const LOOK_EVERY_MS = 500
const ANSWER_WITHIN_MS = 20_000
/** A route that each has, and that reads its database. */
const PATH = '/retries'

export const silence: Inject<'silence'> = async (world, { service, how }) => {
  const { fleet, system, postgresWires } = world
  const wire = postgresWires.get(service)
  if (!wire) throw new Error('there is no PostgreSQL server in this run')
  const pausesBefore = await pauses(world, service)
  const members = fleet.members.filter((member) => member.service === service)
  await untilTrue(() => members.every(fleet.isUp) && wire.connections() > 0)
  const connections = wire.connections()
  const answers: number[] = []
  const stopped = new AbortController()
  wire.freeze()

  async function ask(url: string): Promise<void> {
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
      await answer.arrayBuffer()
      answers.push(answer.status)
    } catch (error) {
      // A process that is not there, or was killed, owes no answer.
      if ((error as Error).name === 'TimeoutError') answers.push(0)
    }
  }

  async function askOn(): Promise<void> {
    const asked: Promise<void>[] = []
    while (!stopped.signal.aborted) {
      for (const { copy } of members) asked.push(ask(`${system.url(service, copy)}${PATH}`))
      await delay(LOOK_EVERY_MS, undefined, { signal: stopped.signal }).catch(() => undefined)
    }
    await Promise.all(asked)
  }

  const asking = askOn()
  return async () => {
    const paused = async () => (await pauses(world, service)) - pausesBefore
    await untilTrue(async () => (await paused()) > 0)
    // What was on its way is lost with the connections.
    if (how === 'swallow') wire.silence()
    wire.heal()
    stopped.abort()
    await asking
    const refused = answers.filter((status) => status === 503).length
    const count = await paused()
    const what = `connections silent, consumers paused ${count} times, ${refused} of ${answers.length} requests answered 503`
    return {
      felt: count > 0 || refused > 0 ? connections : 0,
      what,
      looked: answers.map((status) => ({ service, status })),
    }
  }
}

async function pauses({ system }: World, service: ServiceName): Promise<number> {
  const lines = await system.log(service)
  return lines.filter(({ msg }) => msg === 'the database is unavailable: consumers pause').length
}
