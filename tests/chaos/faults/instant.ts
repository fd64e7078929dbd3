// SIGKILL at a named instant of the kernel, by the process's own hand.
import { setTimeout as delay } from 'node:timers/promises'
import { placesOf } from '../schedule.ts'
import { type Inject, untilTrue } from './fault.ts'
import { connected } from './network.ts'

/** Which instant is chosen by the seed, and whose; one that does not pass it in its time leaves it to whoever does next. */
export const instant: Inject<'instant'> = async (world, fault, forMs) => {
  const { fleet } = world
  await connected(world, fault.service)
  const there = await fleet.killAt([fault], `${fault.instant}:${fault.times}`, forMs)
  const others = fleet.members.filter(({ service }) => placesOf[fault.instant].includes(service))
  const killed = there ?? (await fleet.killAt(others, `${fault.instant}:1`, forMs))
  const what = there
    ? 'killed there'
    : killed
      ? `not reached in time; ${killed} was killed there`
      : 'not reached in time'
  return async () => ({ felt: killed ? 1 : 0, what })
}

const RELAY_WITHIN_MS = 20_000

/** Leaves rows in the outbox, and kills the process that finds them while it publishes them. */
export const relay: Inject<'relay'> = async (world, fault, forMs) => {
  const { fleet, wires, rows } = world
  const wire = wires.get(fault.service)
  await connected(world, fault.service)
  wire?.freeze()
  // What is decided now stays in the outbox.
  await delay(forMs)
  await untilTrue(async () => {
    const [row] = await rows<{ count: number }>(`${fault.service}-service`, 'select count(*) as count from outbox')
    return Number(row?.count) > 0
  })
  await fleet.kill(fault, 0, { CHAOS_KILL_AT: 'relay:1' })
  wire?.heal()
  return async () => {
    // The start that sweeps what was left behind.
    await untilTrue(() => fleet.isUp(fault))
    const isKilled = await fleet.endsWithin(fault, RELAY_WITHIN_MS)
    return { felt: isKilled ? 1 : 0, what: isKilled ? 'killed while relaying' : 'nothing was left to relay' }
  }
}
