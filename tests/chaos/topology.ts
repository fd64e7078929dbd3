// What the broker holds, as the management API tells it, a line for each part: what is gone at the end of a run is seen by it.
import { setTimeout as delay } from 'node:timers/promises'
import { connect } from 'amqplib'
import type { Vhost } from '../support/vhost.ts'

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
  const read = await readAmong(amqpUrl, names)
  const parts = [
    ...names.map((name) => `queue ${name}`),
    ...read.map((name) => `consumer of ${name}`),
    ...bindings
      .filter(({ source }) => source !== '')
      .map(({ source, destination, routing_key }) => `binding ${source} ─ ${routing_key} ► ${destination}`),
  ]
  return parts.filter((part) => !part.includes('chaos.'))
}

/** As long as a service may take to connect anew. */
const BACK_WITHIN_MS = 60_000

/** The same once all of `before` is there, or when that takes too long: a busy machine loses a connection now and then. */
export async function topologyOnceWhole(vhost: Vhost, before: readonly string[]): Promise<string[]> {
  const deadline = Date.now() + BACK_WITHIN_MS
  for (;;) {
    const found = await topologyOf(vhost)
    if (before.every((part) => found.includes(part)) || Date.now() > deadline) return found
    await delay(1_000)
  }
}

/** Those that have a consumer, as the broker itself counts now; one by one, since a queue that goes meanwhile ends the channel. */
async function readAmong(amqpUrl: string, names: string[]): Promise<string[]> {
  const read: string[] = []
  const connection = await connect(amqpUrl)
  connection.on('error', () => undefined)
  try {
    for (const name of names) {
      const channel = await connection.createChannel()
      channel.on('error', () => undefined)
      const { consumerCount } = await channel.checkQueue(name).catch(() => ({ consumerCount: 0 }))
      if (consumerCount > 0) read.push(name)
      await channel.close().catch(() => undefined)
    }
  } finally {
    await connection.close()
  }
  return read
}
