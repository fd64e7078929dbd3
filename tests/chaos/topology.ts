// What the broker holds, as the management API tells it, a line for each part: what is gone at the end of a run is seen by it.
import { type Vhost, withChannel } from '../support/vhost.ts'

interface Binding {
  source: string
  destination: string
  destination_type: string
  routing_key: string
}

/** Queues of the run's own are not among them. */
export async function topologyOf({ amqpUrl, api, queues }: Vhost): Promise<string[]> {
  // The cast is the decoding edge of the management API.
  const bindings = (await api('GET', 'bindings')) as Binding[]
  const names = (await queues()).map(({ name }) => name).filter((name) => !name.startsWith('chaos.'))
  const read = await withChannel(amqpUrl, async (channel) => {
    const counts = await Promise.all(names.map((name) => channel.checkQueue(name)))
    return counts.filter(({ consumerCount }) => consumerCount > 0).map(({ queue }) => queue)
  })
  const parts = [
    ...names.map((name) => `queue ${name}`),
    ...read.map((name) => `consumer of ${name}`),
    ...bindings
      .filter(({ source }) => source !== '')
      .map(({ source, destination, routing_key }) => `binding ${source} ─ ${routing_key} ► ${destination}`),
  ]
  return parts.filter((part) => !part.includes('chaos.'))
}
