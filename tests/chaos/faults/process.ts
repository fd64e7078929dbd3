// What happens to a process that goes on living: frozen for longer than the heartbeat, or with a clock that is set.
import { type Inject, untilTrue } from './fault.ts'
import { connected } from './network.ts'

export const stop: Inject<'stop'> = async (world, fault) => {
  const { fleet, wires } = world
  const before = await connected(world, fault.service)
  fleet.signal(fault, 'SIGSTOP')
  return async () => {
    const lost = () => Math.max(0, before - (wires.get(fault.service)?.connections() ?? 0))
    await untilTrue(() => before === 0 || lost() > 0)
    const felt = lost()
    fleet.signal(fault, 'SIGCONT')
    return { felt, what: 'connections given up by the broker meanwhile' }
  }
}

export const clock: Inject<'clock'> = async ({ fleet }, fault) => {
  const isUp = await untilTrue(() => fleet.isUp(fault))
  fleet.setClock(fault, fault.shiftMs)
  return async () => {
    fleet.setClock(fault, 0)
    return { felt: isUp ? 1 : 0, what: 'clock set, and set back' }
  }
}
