// The whole topology as data: on a new broker whoever starts first declares all of it, so that nothing is lost.
import {
  type Binding,
  deadLetterExchange,
  type Exchange,
  keepingQueue,
  priorityQueue,
  type Queue,
  quorumQueue,
  replicatedRpcQueue,
  rpcQueue,
  type Topology,
  timerQueue,
  withDeadLetters,
} from '../topology/queues.ts'
import { heard } from './heard.ts'
import { channels } from './notification.ts'
import { services } from './services.ts'

const unrouted = 'unrouted.exchange'
const audit = 'audit.fanout.exchange'

/** Of every service that says anything; the audit only listens. */
const topics = services
  .filter((noun) => noun !== 'audit')
  .map((noun): Exchange => ({ name: `${noun}.exchange`, type: 'topic', alternate: unrouted }))

const channelQueues = channels.map((channel) => `notification.${channel}.queue`)

/** `payment.rpc.queue` belongs to payment-service. */
const owned = (queue: Queue): Queue => ({ ...queue, owner: `${queue.name.slice(0, queue.name.indexOf('.'))}-service` })

const quorumConsumers: Queue[] = services.map((noun) => owned(quorumQueue(`${noun}.queue`)))

/** The choreography: each queue is bound with what its handlers are made for. */
const choreography: Binding[] = Object.entries(heard).flatMap(([queue, patterns]) =>
  patterns.map((pattern): Binding => {
    const source = `${pattern.slice(0, pattern.indexOf('.'))}.exchange`
    return { source, destination: queue, destinationType: 'queue', pattern }
  }),
)

const audited: Binding[] = [
  ...topics.map(
    ({ name }): Binding => ({ source: name, destination: audit, destinationType: 'exchange', pattern: '#' }),
  ),
  { source: audit, destination: 'audit.queue', destinationType: 'queue', pattern: '' },
]

/** Of versions before this one: what waits in these queues comes back by itself. */
export const earlier = {
  queues: ['retry.1s.queue', 'retry.5s.queue', 'retry.30s.queue'],
  exchanges: ['retry.exchange'],
}

function topologyWith(others: Queue[]): Topology {
  const withTheirDeadLetters = [...quorumConsumers, ...others].map(withDeadLetters)
  return {
    exchanges: [
      { name: unrouted, type: 'fanout' },
      ...topics,
      { name: audit, type: 'fanout' },
      { name: deadLetterExchange, type: 'direct' },
    ],
    queues: [
      ...withTheirDeadLetters.flatMap(({ queues }) => queues),
      owned(timerQueue('payment.deadline.queue', 'payment.queue')),
      owned(timerQueue('shipping.transit.queue', 'shipping.queue')),
      keepingQueue('unrouted.queue'),
    ],
    bindings: [
      ...choreography,
      ...audited,
      ...withTheirDeadLetters.flatMap(({ bindings }) => bindings),
      { source: unrouted, destination: 'unrouted.queue', destinationType: 'queue', pattern: '' },
    ],
    earlier,
  }
}

/** For one node: the channels have every priority, on RabbitMQ 3 too. */
export const topology = topologyWith([...channelQueues.map(priorityQueue), rpcQueue('payment.rpc.queue')].map(owned))

/** For a cluster: no queue is on one node only. The names are the same. */
export const clusterTopology = topologyWith(
  [...channelQueues.map(quorumQueue), replicatedRpcQueue('payment.rpc.queue')].map(owned),
)
