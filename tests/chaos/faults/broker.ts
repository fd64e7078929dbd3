// What happens to the broker: stopped in order, killed, or out of memory.
import { setTimeout as delay } from 'node:timers/promises'
import type { World } from '../world.ts'
import type { Inject } from './fault.ts'

export const broker: Inject<'broker'> = async (world, { how }) => {
  const { node } = world
  await (how === 'kill' ? node.kill() : node.stop())
  return async () => {
    await node.restart()
    await recovered(world)
    return { felt: 1, what: how === 'kill' ? 'killed and restarted' : 'stopped and restarted' }
  }
}

const RECOVERED_WITHIN_MS = 60_000
/** For the work that has piled up to be under way when the next fault comes. */
const BREATH_MS = 3_000

/**
 * The broker is back for a service only once it has connected and declared the topology, which takes a busy machine a
 * while: without waiting for that, faults of the broker would add up to one that never ends.
 */
export async function recovered({ fleet }: World): Promise<void> {
  await fleet.allReady(RECOVERED_WITHIN_MS).catch(() => undefined)
  await delay(BREATH_MS)
}

const DEFAULT_WATERMARK = '0.4'

/** One command for there and back, since starting one may take longer than the alarm. */
export const alarm: Inject<'alarm'> = async (world, _, forMs) => {
  const before = await blockedConnections(world)
  const set = (watermark: string) => `vm_memory_monitor:set_vm_memory_high_watermark(${watermark})`
  await world.node.rabbitmqctl(['eval', `${set('0.00001')}, timer:sleep(${forMs}), ${set(DEFAULT_WATERMARK)}.`])
  return async () => ({ felt: (await blockedConnections(world)) - before, what: 'connections blocked' })
}

/** As the services told it; notification's log holds too much to be read for this. */
async function blockedConnections({ system }: World): Promise<number> {
  const logs = await Promise.all(
    (['order', 'inventory', 'payment', 'shipping'] as const).map((name) => system.log(name)),
  )
  return logs.flat().filter(({ msg }) => msg === 'broker blocked the connection').length
}
