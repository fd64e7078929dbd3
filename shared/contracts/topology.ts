// The whole topology as data. On a new broker the service that starts first declares all of it, so that no message is lost.
import {
  type Binding,
  bindingsOf,
  type Exchange,
  keepingQueue,
  kernelTopology,
  operationsExchange,
  passingQueue,
  priorityQueue,
  type Queue,
  quorumQueue,
  replicatedPassingQueue,
  replicatedRpcQueue,
  rpcQueue,
  type Topology,
  timerQueue,
  withDeadLetters,
} from '../topology/queues.ts'
import { heard } from './heard.ts'
import { channels } from './notification.ts'
import { rpcs } from './registry.ts'
import { services } from './services.ts'

const unrouted = 'unrouted.exchange'
const audit = 'audit.fanout.exchange'

/** The exchanges of all services that publish events. audit-service only listens. */
const topics = services
  .filter((noun) => noun !== 'audit')
  .map((noun): Exchange => ({ name: `${noun}.exchange`, type: 'topic', alternate: unrouted }))

const channelQueues = channels.map((channel) => `notification.${channel}.queue`)
const rpcQueues = [...new Set(rpcs.map(({ queue }) => queue))]

/** The first word of a queue's name is its owner: `payment.rpc.queue` belongs to payment-service. */
const owned = (queue: Queue): Queue => ({ ...queue, owner: `${queue.name.slice(0, queue.name.indexOf('.'))}-service` })

const quorumConsumers: Queue[] = services.map((noun) => owned(quorumQueue(`${noun}.queue`)))

const audited: Binding[] = [
  ...topics.map(
    ({ name }): Binding => ({ source: name, destination: audit, destinationType: 'exchange', pattern: '#' }),
  ),
  { source: audit, destination: 'audit.queue', destinationType: 'queue', pattern: '' },
]

/** Queues and exchanges of earlier versions. Messages waiting in these queues return by themselves. */
export const earlier = {
  queues: ['retry.1s.queue', 'retry.5s.queue', 'retry.30s.queue'],
  exchanges: ['retry.exchange'],
}

function topologyWith(others: Queue[], passingOf: (name: string) => Queue): Topology {
  const kernel = kernelTopology(
    services.map((noun) => `${noun}-service`),
    passingOf,
  )
  const withTheirDeadLetters = [...quorumConsumers, ...others].map(withDeadLetters)
  return {
    exchanges: [{ name: unrouted, type: 'fanout' }, ...topics, { name: audit, type: 'fanout' }, ...kernel.exchanges],
    queues: [
      ...withTheirDeadLetters.flatMap(({ queues }) => queues),
      owned(timerQueue('payment.deadline.queue', 'payment.queue')),
      owned(timerQueue('shipping.transit.queue', 'shipping.queue')),
      keepingQueue('unrouted.queue'),
      // The reports of all copies.
      owned(passingOf('audit.copies.queue')),
      ...kernel.queues,
    ],
    bindings: [
      // Each queue is bound with what its handlers hear.
      ...bindingsOf(heard),
      ...audited,
      ...kernel.bindings,
      ...withTheirDeadLetters.flatMap(({ bindings }) => bindings),
      { source: unrouted, destination: 'unrouted.queue', destinationType: 'queue', pattern: '' },
      { source: operationsExchange, destination: 'audit.copies.queue', destinationType: 'queue', pattern: '' },
    ],
    earlier,
  }
}

/** For one node: the channel queues have priorities, on RabbitMQ 3 too. */
export const topology = topologyWith(
  [...channelQueues.map(priorityQueue), ...rpcQueues.map(rpcQueue)].map(owned),
  passingQueue,
)

/** For a cluster: every queue is replicated. The names are the same. */
export const clusterTopology = topologyWith(
  [...channelQueues.map(quorumQueue), ...rpcQueues.map(replicatedRpcQueue)].map(owned),
  replicatedPassingQueue,
)
