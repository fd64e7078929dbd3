// What happens to the wire between a service and the broker: cut, or frozen with nobody told.
import type { ServiceName } from '../../support/system.ts'
import type { World } from '../world.ts'
import { type Inject, untilTrue } from './fault.ts'

export const cut: Inject<'cut'> = async (world, { service }) => {
  const connections = await connected(world, service)
  world.wires.get(service)?.cut()
  return async () => ({ felt: connections, what: 'connections cut' })
}

export const freeze: Inject<'freeze'> = async (world, { service }) => {
  const connections = await connected(world, service)
  world.wires.get(service)?.freeze()
  return async () => {
    world.wires.get(service)?.heal()
    return { felt: connections, what: 'connections frozen' }
  }
}

/** A service has one connection that publishes and one that consumes. */
const CONNECTIONS = 2

/** Waits a while for the service to be connected, since what is not there cannot be cut; returns how many there are. */
export async function connected({ wires }: World, service: ServiceName): Promise<number> {
  const count = () => wires.get(service)?.connections() ?? 0
  await untilTrue(() => count() >= CONNECTIONS)
  return count()
}
