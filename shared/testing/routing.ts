// Routes as AMQP exchanges do: which queues a publication reaches (RabbitMQ tutorial "AMQP 0-9-1 Model Explained").
import type { Binding, Topology } from '../topology/queues.ts'

/** `route` over one topology, with a cache. */
export function createRouter(topology: Topology) {
  const known = new Map<string, ReadonlySet<string>>()
  return (exchange: string, routingKey: string): ReadonlySet<string> => {
    const key = `${exchange} ${routingKey}`
    const queues = known.get(key) ?? route(topology, exchange, routingKey)
    known.set(key, queues)
    return queues
  }
}

/** The names of the queues that receive a message; empty if none does. */
export function route(topology: Topology, exchange: string, routingKey: string): Set<string> {
  if (exchange === '') return new Set(topology.queues.some(({ name }) => name === routingKey) ? [routingKey] : [])
  const declared = topology.exchanges.find(({ name }) => name === exchange)
  if (!declared) throw new Error(`no exchange ${exchange}`)
  const matching = topology.bindings.filter(
    (binding) => binding.source === exchange && wants(declared.type, binding, routingKey),
  )
  if (matching.length === 0 && declared.alternate) return route(topology, declared.alternate, routingKey)
  return new Set(
    matching.flatMap(({ destination, destinationType }) =>
      destinationType === 'queue' ? [destination] : [...route(topology, destination, routingKey)],
    ),
  )
}

function wants(type: string, { pattern }: Binding, routingKey: string): boolean {
  if (type === 'fanout') return true
  if (type === 'direct') return pattern === routingKey
  return matchesTopic(pattern.split('.'), routingKey.split('.'))
}

/** `*` is one word, `#` is any number of words, none included. */
export function matchesTopic(pattern: string[], words: string[]): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return words.length === 0
  if (first === '#') return matchesTopic(rest, words) || (words.length > 0 && matchesTopic(pattern, words.slice(1)))
  const [word, ...others] = words
  return word !== undefined && (first === '*' || first === word) && matchesTopic(rest, others)
}
