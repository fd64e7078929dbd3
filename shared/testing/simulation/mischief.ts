// Disturbs the broker: cuts connections, publishes garbage, and publishes old messages again.
import type { Publication } from '../../messaging/broker.ts'
import { failuresIn } from '../../topology/queues.ts'
import type { World } from './world.ts'

const GARBAGE: [string, ...string[]] = [
  '',
  '{',
  'null',
  '[1,2]',
  '{"specversion":"1.0"}',
  '{"id":"x","type":"said.before"}',
  '\u0000\u0001',
]

/** Does one of these. Resolves when the broker has it. */
export async function misbehave(world: World): Promise<void> {
  const { random, memory, tally, domain } = world
  const luck = random.next()
  if (luck < 0.2) {
    const [first, ...others] = domain.services
    if (first !== undefined) memory.cut(random.pick([first, ...others]))
    tally.add('cuts')
  } else if (luck < 0.45) await throwGarbage(world)
  else await repeatOld(world, world.witness.old)
}

async function throwGarbage({ random, memory, tally, domain }: World): Promise<void> {
  // Only queues with consumers have dead-letter queues.
  const [firstConsumed = '', ...otherConsumed] = [...failuresIn(domain.topology).values()].flatMap(
    (queue) => queue ?? [],
  )
  tally.add('garbage')
  const body = Buffer.from(random.pick(GARBAGE))
  const properties = { messageId: `garbage-${tally.counts.garbage}`, type: 'garbage', headers: {} }
  const publication = { exchange: '', routingKey: random.pick([firstConsumed, ...otherConsumed]), body, properties }
  await memory.connect('stranger').publish(publication)
}

/** Published as before: its consumers receive it again. */
export async function repeatOld({ random, memory, tally }: World, [first, ...others]: Publication[]): Promise<void> {
  if (!first) return
  tally.add('old messages')
  await memory.connect('stranger').publish(random.pick([first, ...others]))
}
