// What the services count, read from their /metrics as Prometheus does.
import { type ServiceName, type System, serviceNames } from './system.ts'

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

async function metricLines(system: System, service: ServiceName): Promise<string[]> {
  const answer = await fetch(`${system.url(service)}/metrics`)
  return (await answer.text()).split('\n')
}
