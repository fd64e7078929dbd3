// SIGKILL at no particular moment, of one process, or of all of them together with the broker: the power goes.
import { recovered } from './broker.ts'
import { type Inject, untilTrue } from './fault.ts'

export const kill: Inject<'kill'> = async ({ fleet }, member, forMs) => {
  await untilTrue(() => fleet.isUp(member))
  const wasUp = fleet.isUp(member)
  await fleet.kill(member, forMs)
  return async () => ({ felt: wasUp ? 1 : 0, what: 'killed' })
}

export const all: Inject<'all'> = async (world, _, forMs) => {
  const { fleet, node, postgres } = world
  const up = fleet.members.filter(fleet.isUp)
  await Promise.all([node.kill(), postgres?.kill(), ...up.map((member) => fleet.kill(member, forMs))])
  return async () => {
    await Promise.all([node.restart(), postgres?.restart()])
    await recovered(world)
    return { felt: up.length, what: `killed with the broker${postgres ? ' and the database' : ''}` }
  }
}
