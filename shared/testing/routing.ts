// How AMQP exchanges route: which queues a publication reaches (RabbitMQ tutorial "AMQP 0-9-1 Model Explained").
import type { Headers } from '../messaging/broker.ts'
import type { Binding, Topology } from '../messaging/queues.ts'

/** `route` over one topology, which works every way out once, but for those that headers decide. */
export function createRouter(topology: Topology) {
  const byHeaders = new Set(topology.exchanges.map(({ name }) => name).filter((name) => mindsHeaders(topology, name)))
  const known = new Map<string, ReadonlySet<string>>()
  return (exchange: string, routingKey: string, headers: Headers): ReadonlySet<string> => {
    if (byHeaders.has(exchange)) return route(topology, exchange, routingKey, headers)
    const key = `${exchange} ${routingKey}`
    const queues = known.get(key) ?? route(topology, exchange, routingKey, headers)
    known.set(key, queues)
    return queues
  }
}

/** Whether any way from this exchange depends on headers. */
function mindsHeaders(topology: Topology, exchange: string): boolean {
  const { type, alternate } = topology.exchanges.find(({ name }) => name === exchange) ?? {}
  if (type === 'headers' || (alternate !== undefined && mindsHeaders(topology, alternate))) return true
  return topology.bindings.some(
    ({ source, destination, destinationType }) =>
      source === exchange && destinationType === 'exchange' && mindsHeaders(topology, destination),
  )
}

/** The names of the queues that take a message; empty when nobody wants it. */
export function route(topology: Topology, exchange: string, routingKey: string, headers: Headers): Set<string> {
  if (exchange === '') return new Set(topology.queues.some(({ name }) => name === routingKey) ? [routingKey] : [])
  const declared = topology.exchanges.find(({ name }) => name === exchange)
  if (!declared) throw new Error(`no exchange ${exchange}`)
  const matching = topology.bindings.filter(
    (binding) => binding.source === exchange && wants(declared.type, binding, routingKey, headers),
  )
  if (matching.length === 0 && declared.alternate) return route(topology, declared.alternate, routingKey, headers)
  return new Set(
    matching.flatMap(({ destination, destinationType }) =>
      destinationType === 'queue' ? [destination] : [...route(topology, destination, routingKey, headers)],
    ),
  )
}

function wants(
  type: string,
  { pattern, headers: wanted = {} }: Binding,
  routingKey: string,
  headers: Headers,
): boolean {
  if (type === 'fanout') return true
  if (type === 'direct') return pattern === routingKey
  if (type === 'topic') return matchesTopic(pattern.split('.'), routingKey.split('.'))
  return Object.entries(wanted).every(([name, value]) => name === 'x-match' || headers[name] === value)
}

/** `*` is one word, `#` is any number of words, none included. */
export function matchesTopic(pattern: string[], words: string[]): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return words.length === 0
  if (first === '#') return matchesTopic(rest, words) || (words.length > 0 && matchesTopic(pattern, words.slice(1)))
  const [word, ...others] = words
  return word !== undefined && (first === '*' || first === word) && matchesTopic(rest, others)
}
