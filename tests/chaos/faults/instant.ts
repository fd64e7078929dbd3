// SIGKILL at a named instant of the kernel, by the process's own hand.
import { setTimeout as delay } from 'node:timers/promises'
import type { Inject } from './fault.ts'
import { connected } from './network.ts'

export const instant: Inject<'instant'> = async ({ fleet }, fault, forMs) => {
  const isKilled = await fleet.killAt(fault, `${fault.instant}:${fault.times}`, forMs)
  return async () => ({ felt: isKilled ? 1 : 0, what: isKilled ? 'killed there' : 'instant not reached in time' })
}

const START_TRIES = 500
const RELAY_WITHIN_MS = 5_000

/** Leaves rows in the outbox, and kills the process that finds them while it publishes them. */
export const relay: Inject<'relay'> = async (world, fault, forMs) => {
  const { fleet, wires } = world
  const wire = wires.get(fault.service)
  await connected(world, fault.service)
  wire?.freeze()
  // What is decided now stays in the outbox.
  await delay(forMs)
  await fleet.kill(fault, 0, { CHAOS_KILL_AT: 'relay:1' })
  wire?.heal()
  return async () => {
    // The start that sweeps what was left behind.
    for (let tries = 0; !fleet.isUp(fault) && tries < START_TRIES; tries++) await delay(20)
    const isKilled = await fleet.endsWithin(fault, RELAY_WITHIN_MS)
    return { felt: isKilled ? 1 : 0, what: isKilled ? 'killed while relaying' : 'nothing was left to relay' }
  }
}
