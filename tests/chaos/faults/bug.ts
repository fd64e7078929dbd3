// A service with a bug for a while: what it calls outside, or what it puts its decisions into words with, throws a TypeError.
import type { World } from '../world.ts'
import { type Inject, untilTrue } from './fault.ts'

export const bug: Inject<'bug'> = async (world, { service, where }) => {
  const { fleet } = world
  const members = fleet.members.filter((member) => member.service === service)
  const before = await failures(world, service)
  for (const member of members) fleet.plant(member, where)
  return async () => {
    const met = async () => (await failures(world, service)) - before
    await untilTrue(async () => (await met()) > 0)
    for (const member of members) fleet.plant(member, '')
    return { felt: await met(), what: 'attempts met the bug' }
  }
}

async function failures({ system }: World, service: Parameters<World['system']['log']>[0]): Promise<number> {
  const lines = await system.log(service)
  return lines.filter((line) => JSON.stringify(line).includes('a planted bug')).length
}
