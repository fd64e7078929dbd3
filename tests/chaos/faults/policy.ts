// What an operator's policies do to queues: one that may hold a single message refuses the rest, one that lets messages live
// for a moment only gives timers back early. Both are taken away again.
import { setTimeout as delay } from 'node:timers/promises'
import type { Refused } from '../oracle/snapshot.ts'
import { refusable } from '../schedule.ts'
import type { World } from '../world.ts'
import { type Inject, untilTrue } from './fault.ts'
import { connected } from './network.ts'

/** Returns how it is removed. */
async function policyOn(
  { vhost }: World,
  queue: string,
  definition: Record<string, number>,
): Promise<() => Promise<void>> {
  const path = `policies/chaos.${queue}`
  const pattern = `^${queue.replaceAll('.', '\\.')}$`
  await vhost.api('PUT', path, { pattern, definition, 'apply-to': 'queues', priority: 1 })
  return () => vhost.api('DELETE', path).then(() => undefined)
}

const LOOK_EVERY_MS = 200
const OTHERS_WITHIN_MS = 4_000

/** Nobody reads the queue meanwhile, since one that is read is never full. */
export const refuse: Inject<'refuse'> = async (world, { queue, how }, forMs) => {
  const service = refusable[queue]
  const { fleet } = world
  const readers = fleet.members.filter((member) => member.service === service)
  await connected(world, service)
  const hears = await heardBy(world, queue)
  const remove = await policyOn(world, queue, { 'max-length': 1 })
  const goOn = how === 'freeze' ? freezeAll() : await killAll()
  const watch = watchRoutes(world, service)

  function freezeAll() {
    for (const member of readers) fleet.signal(member, 'SIGSTOP')
    return () => {
      for (const member of readers) fleet.signal(member, 'SIGCONT')
    }
  }

  async function killAll() {
    await Promise.all(readers.map((member) => fleet.kill(member, forMs + OTHERS_WITHIN_MS)))
    return () => undefined
  }

  return async () => {
    try {
      await untilTrue(() => watch.routes.size > 0)
      // The refused has been met: whoever is to go on has some time to.
      const after = await lastAudited(world)
      if (watch.routes.size > 0) await delay(OTHERS_WITHIN_MS)
      const refused: Refused = {
        queue,
        hears,
        routes: [...watch.routes.keys()],
        after,
        until: await lastAudited(world),
      }
      const most = Math.max(0, ...watch.routes.values())
      const effect = { felt: watch.routes.size, what: `routes refused, ${most} messages held back on one` }
      return watch.routes.size > 0 ? { ...effect, refused } : effect
    } finally {
      watch.end()
      await remove()
      goOn()
    }
  }
}

/** The routing keys of what is bound to it. */
async function heardBy({ vhost }: World, queue: string): Promise<string[]> {
  // The cast is the decoding edge of the management API.
  const bindings = (await vhost.api('GET', `queues/${queue}/bindings`)) as { source: string; routing_key: string }[]
  return bindings.filter(({ source }) => source !== '').map(({ routing_key }) => routing_key)
}

const REFUSED = /'([^']*)' is refused, (\d+) messages wait/g

/** The routes that the other services' readiness names, and the most that each was said to hold back. */
function watchRoutes({ fleet, system }: World, but: string): { routes: Map<string, number>; end(): void } {
  const routes = new Map<string, number>()
  const others = fleet.members.filter(({ service }) => service !== but)
  const look = async (url: string) => {
    const answer = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(1_000) })
    for (const [, route = '', waiting] of (await answer.text()).matchAll(REFUSED))
      routes.set(route, Math.max(Number(waiting), routes.get(route) ?? 0))
  }
  const timer = setInterval(() => {
    for (const { service, copy } of others) look(system.url(service, copy)).catch(() => undefined)
  }, LOOK_EVERY_MS)
  return { routes, end: () => clearInterval(timer) }
}

async function lastAudited({ rows }: World): Promise<number> {
  const sql = 'select first, length(hashes) as bytes from blocks order by first desc limit 1'
  const [block] = await rows<{ first: number; bytes: number }>('audit-service', sql)
  return block ? Number(block.first) + Number(block.bytes) / HASH_BYTES - 1 : 0
}

const HASH_BYTES = 32

/** Of timers that came early, the service that set them keeps a row each until their time. */
export const early: Inject<'early'> = async (world, { queue, ttlMs }) => {
  const home = queue.startsWith('payment') ? 'payment' : 'shipping'
  const seen = new Set<string>()
  const remove = await policyOn(world, queue, { 'message-ttl': ttlMs })
  const look = async () => {
    const sql = `select id from retries where code = 'too_early'`
    for (const { id } of await world.rows<{ id: string }>(`${home}-service`, sql)) seen.add(id)
  }
  const timer = setInterval(() => void look().catch(() => undefined), LOOK_EVERY_MS)
  return async () => {
    try {
      await untilTrue(() => seen.size > 0)
      return { felt: seen.size, what: 'timers seen waiting after they came early' }
    } finally {
      clearInterval(timer)
      await remove()
    }
  }
}
