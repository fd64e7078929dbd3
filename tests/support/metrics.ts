// What the services count, read from their /metrics as Prometheus does.
import { isDeepStrictEqual } from 'node:util'
import { eventually } from '@orders/shared/testing'
import { type ServiceName, type System, serviceNames } from './system.ts'
import type { Vhost } from './vhost.ts'

/** The value of a metric without labels of its own, such as `broker_usable`. */
export async function metric(system: System, service: ServiceName, name: string): Promise<number | undefined> {
  const line = (await metricLines(system, service)).find((text) => text.startsWith(`${name}{`))
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ')))
}

/** How many deliveries each queue's consumer has settled since its service was started, by how it ended. */
export async function settled(system: System): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const service of serviceNames)
    for (const line of await metricLines(system, service)) {
      const [, labels = '', count] = /^messages_handled_total\{(.*)\} (\d+)$/.exec(line) ?? []
      if (count === undefined) continue
      const label = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(labels)?.[1]
      const key = `${label('queue')} ${label('outcome')}`
      counts[key] = (counts[key] ?? 0) + Number(count)
    }
  return counts
}

/** How many deliveries the services hold and have not settled yet: none of them counts as waiting. */
export async function underWay(system: System): Promise<number> {
  const lines = (await Promise.all(serviceNames.map((service) => metricLines(system, service)))).flat()
  const held = lines.filter((line) => line.startsWith('messages_under_way{'))
  return held.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}

/** Where a message waits for its time and not for a consumer. */
const TIMERS = /\.(transit|deadline)\.queue$/

/**
 * What is settled once nothing is to be done any more: no message waits but the timers, nobody holds one, and none was
 * settled between the first look and the last, from which another could follow.
 */
export function settledAtRest(system: System, vhost: Vhost): Promise<Record<string, number>> {
  return eventually(
    'no message waits, and nobody holds one',
    async () => {
      const before = await settled(system)
      const isDrained = Object.keys(await vhost.waiting()).every((queue) => TIMERS.test(queue))
      return isDrained && (await underWay(system)) === 0 && isDeepStrictEqual(await settled(system), before) && before
    },
    60_000,
  )
}

async function metricLines(system: System, service: ServiceName): Promise<string[]> {
  const answer = await fetch(`${system.url(service)}/metrics`)
  return (await answer.text()).split('\n')
}
