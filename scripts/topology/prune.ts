// What of a broker's topology no running copy names any more: decided before anything is removed.
import { orders } from '@orders/shared/contracts'
import { type Topology, versionOf } from '@orders/shared/messaging'
import type { Found, FoundBinding } from './management.ts'

export interface Plan {
  bindings: FoundBinding[]
  queues: string[]
  exchanges: string[]
  /** Why some of it, or all, has to stay, for people. */
  stays: string[]
}

/** Nothing is planned while a copy of another version is connected: it may name what this one does not. */
export function planPrune(found: Found, topology: Topology): Plan {
  const { bindings, queues, exchanges, connections } = found
  const version = versionOf(topology)
  const ofServices = connections.filter(({ name }) => orders.services.some((service) => name.startsWith(`${service} `)))
  const others = ofServices.filter((connection) => connection.topology !== version)
  if (others.length > 0) {
    const names = [...new Set(others.map(({ name }) => name.split(' ')[0] ?? name))]
    const stays = names.map(
      (name) => `a copy of ${name} with another version is connected: nothing is removed while it runs`,
    )
    return { bindings: [], queues: [], exchanges: [], stays }
  }
  const wanted = new Set(topology.bindings.map((one) => keyOf(one.source, one.destination, one.pattern)))
  const ours = new Set(topology.queues.map(({ name }) => name))
  const earlier = topology.earlier ?? { queues: [], exchanges: [] }
  const old = queues.filter(({ name }) => earlier.queues.includes(name))
  const sources = new Set(topology.exchanges.map(({ name }) => name))
  return {
    bindings: bindings.filter(
      ({ source, destination, destination_type, routing_key }) =>
        destination_type === 'queue' &&
        ours.has(destination) &&
        sources.has(source) &&
        !wanted.has(keyOf(source, destination, routing_key)),
    ),
    queues: old.filter(({ messages }) => messages === 0).map(({ name }) => name),
    exchanges: old.some(({ messages }) => messages > 0)
      ? []
      : exchanges.filter((name) => earlier.exchanges.includes(name)),
    stays: old
      .filter(({ messages }) => messages > 0)
      .map(
        ({ name, messages }) => `${name} still has messages (${messages}), which return to their service by themselves`,
      ),
  }
}

const keyOf = (source: string, destination: string, pattern: string) => [source, destination, pattern].join(' ')
