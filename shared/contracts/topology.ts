// The whole topology as data. Every service declares all of it at start, so nothing is lost whoever starts first.
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
} from '../messaging/queues.ts'
import { channels } from './notification.ts'

const unrouted = 'unrouted.exchange'
const audit = 'audit.fanout.exchange'

const topics = ['order', 'inventory', 'payment', 'shipping', 'notification'].map(
  (noun): Exchange => ({ name: `${noun}.exchange`, type: 'topic', alternate: unrouted }),
)

/** Who hears what: the choreography in one table. */
const hears: Record<string, string[]> = {
  'order.queue': [
    'inventory.reserved',
    'inventory.out_of_stock',
    'payment.confirmation_required',
    'payment.success',
    'payment.failed',
    'shipping.prepared',
    'shipping.failed',
    'shipping.delivered',
  ],
  'inventory.queue': ['order.created', 'payment.success', 'payment.failed', 'shipping.failed'],
  'payment.queue': ['inventory.reserved', 'order.cancel_requested', 'shipping.failed'],
  'shipping.queue': ['payment.success'],
  'notification.queue': [
    'order.created',
    'order.paid',
    'order.shipped',
    'order.completed',
    'order.cancelled',
    'payment.confirmation_required',
  ],
}

/** What earlier versions heard. A message that waits from then is settled unheard. */
export const retired: Record<string, string[]> = {
  'order.queue': [
    'notification.sent',
    'notification.failed',
    'notification.expired',
    'notification.cancelled',
    'notification.opted_out',
    'notification.digested',
    'notification.held',
    'notification.delivered',
    'notification.undelivered',
  ],
}

const channelQueues = channels.map((channel) => `notification.${channel}.queue`)

const quorumConsumers: Queue[] = [...Object.keys(hears), 'audit.queue'].map(quorumQueue)

const bindingsOf = (heard: Record<string, string[]>): Binding[] =>
  Object.entries(heard).flatMap(([queue, types]) =>
    types.map((type): Binding => {
      const source = `${type.slice(0, type.indexOf('.'))}.exchange`
      return { source, destination: queue, destinationType: 'queue', pattern: type }
    }),
  )

const byChannel: Binding[] = channels.map((channel) => ({
  source: 'notification.exchange',
  destination: `notification.${channel}.queue`,
  destinationType: 'queue',
  pattern: `notification.requested.#.${channel}.#`,
}))

const audited: Binding[] = [
  ...topics.map(
    ({ name }): Binding => ({ source: name, destination: audit, destinationType: 'exchange', pattern: '#' }),
  ),
  { source: audit, destination: 'audit.queue', destinationType: 'queue', pattern: '' },
]

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
      timerQueue('payment.deadline.queue', 'payment.queue'),
      timerQueue('shipping.transit.queue', 'shipping.queue'),
      keepingQueue('unrouted.queue'),
    ],
    bindings: [
      ...bindingsOf(hears),
      ...byChannel,
      ...audited,
      ...withTheirDeadLetters.flatMap(({ bindings }) => bindings),
      { source: unrouted, destination: 'unrouted.queue', destinationType: 'queue', pattern: '' },
    ],
    retired: bindingsOf(retired),
  }
}

/** For one node: the channels have every priority, on RabbitMQ 3 too. */
export const topology = topologyWith([...channelQueues.map(priorityQueue), rpcQueue('payment.rpc.queue')])

/** For a cluster: no queue is on one node only. The names are the same. */
export const clusterTopology = topologyWith([
  ...channelQueues.map(quorumQueue),
  replicatedRpcQueue('payment.rpc.queue'),
])
