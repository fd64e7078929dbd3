// A domain that needs order: a teller says the moves of each account with their numbers, and a ledger writes them down one after the
// other. Visits are only counted, each once.
import { orders } from '@orders/shared/contracts'
import {
  type AnyContract,
  bindingsOf,
  contractsOf,
  type Exchange,
  keepingQueue,
  kernelTopology,
  quorumQueue,
  type Topology,
  withDeadLetters,
} from '@orders/shared/messaging'
import { Type } from 'typebox'

const { event } = contractsOf('ledger')

export const Moved = event('teller.moved', {
  summary: 'Money was put into an account.',
  data: Type.Object({ number: Type.Integer({ minimum: 1 }), cents: Type.Integer() }),
})
export const Visited = event('teller.visited', { summary: 'Somebody came by.', data: Type.Object({}) })

const services = ['teller-service', 'ledger-service']
const kernel = kernelTopology(services)
const heard = { 'ledger.queue': [Moved.type], 'visits.queue': [Visited.type], ...kernel.heard }
const consumed = ['ledger.queue', 'visits.queue'].map((name) =>
  withDeadLetters({ ...quorumQueue(name), owner: 'ledger-service' }),
)
const unrouted: Exchange = { name: 'unrouted.exchange', type: 'fanout' }

const topology: Topology = {
  exchanges: [unrouted, { name: 'teller.exchange', type: 'topic', alternate: unrouted.name }, ...kernel.exchanges],
  queues: [...consumed.flatMap(({ queues }) => queues), keepingQueue('unrouted.queue'), ...kernel.queues],
  bindings: [
    ...bindingsOf(heard),
    ...consumed.flatMap(({ bindings }) => bindings),
    ...kernel.bindings,
    { source: unrouted.name, destination: 'unrouted.queue', destinationType: 'queue', pattern: '' },
  ],
}

/** The kernel's own. */
const ofKeys = [...orders.registry.contracts].filter(([type]) => type.startsWith('keys.'))

export const ledger: typeof orders = {
  services,
  registry: {
    contracts: new Map([
      ...[Moved, Visited].map((contract): [string, AnyContract] => [contract.type, contract]),
      ...ofKeys,
    ]),
    rpcs: [],
    sources: new Set(services.map((service) => `/${service}`)),
  },
  topology,
  clusterTopology: topology,
  heard,
}
