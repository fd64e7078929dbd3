// The broker port over RabbitMQ. One connection publishes and one consumes: under a memory or disk alarm the broker blocks
// connections that publish, but acks must go on.
import { setTimeout as delay } from 'node:timers/promises'
import type { BrokenError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import { brokerUrls } from '../topology/broker-urls.ts'
import { declareTopology } from '../topology/declare.ts'
import { type Topology, versionOf } from '../topology/queues.ts'
import type { Broker } from './broker.ts'
import { supervise } from './connection.ts'
import { createPublisher } from './publisher.ts'
import { createRpcChannel } from './rpc-channel.ts'
import { createSubscriber } from './subscriber.ts'
import type { AmqpTls } from './tls.ts'

interface Options {
  /** One or several hosts, as in `AMQP_URL`. */
  url: string
  tls?: AmqpTls
  /** The connections' name in the management UI. */
  name: string
  topology: Topology
  /** The service that declares its own part of the topology. If undefined, all of it is declared at each connect. */
  owner?: string
  /** Whether the broker has several nodes, between which deliveries can be lost; see subscriber.ts. */
  isCluster?: boolean
  log: Log
  heartbeatSeconds?: number
  /** Called at each connect, after the topology is declared. */
  connected?(): void
  /** Called once for a fault that reconnecting cannot repair. The service should stop. */
  broken(error: BrokenError): void
}

const RENEW_IDLE_AFTER_MS = 30_000

/** Starts connecting and returns at once, without waiting for the broker. The caller closes it. */
export function openRabbit(options: Options): Broker {
  const { name, owner, tls = {}, topology, isCluster = false, log, broken, heartbeatSeconds = 15 } = options
  const urls = brokerUrls(options.url)
  // Shows the topology version of each copy. Before old queues are removed, it tells whether copies of another version still
  // run.
  const properties = { topology: versionOf(topology) }
  const subscriber = createSubscriber(isCluster ? RENEW_IDLE_AFTER_MS : undefined)
  const rpc = createRpcChannel()
  const publisher = createPublisher(log, () => publishing.status().blocked)

  let told = false
  // Both connections declare the topology, so both would report the same fault.
  const brokenOnce = (error: BrokenError) => {
    if (!told) broken(error)
    told = true
  }

  const publishing = supervise({
    urls,
    tls,
    name: `${name} publish`,
    properties,
    heartbeatSeconds,
    log,
    broken: brokenOnce,
    async open(session) {
      await declareTopology(session.model, topology, owner)
      options.connected?.()
      await rpc.attach(session)
      const channel = await session.model.createConfirmChannel()
      channel.on('error', session.fail)
      channel.on('close', () => session.fail(new Error('publishing channel closed')))
      publisher.attach(session, channel)
    },
    lost() {
      publisher.detach()
      rpc.detach()
    },
  })

  const consuming = supervise({
    urls,
    tls,
    name: `${name} consume`,
    properties,
    heartbeatSeconds,
    log,
    broken: brokenOnce,
    async open(session) {
      await declareTopology(session.model, topology, owner)
      await subscriber.attach(session)
    },
    lost: subscriber.detach,
  })

  return {
    publish: publisher.publish,
    subscribe: subscriber.subscribe,
    request: rpc.request,
    reply: (to, body) => rpc.reply(to.properties, body),
    tell: rpc.tell,
    status: () => ({
      fault: publishing.status().fault ?? consuming.status().fault,
      unconfirmed: publisher.unconfirmed(),
      refused: publisher.refused(),
    }),
    async ready() {
      await Promise.all([publishing.ready(), consuming.ready()])
    },
    async close(graceMs) {
      const deadline = performance.now() + graceMs
      while (publisher.unconfirmed() > 0 && !publishing.status().fault && performance.now() < deadline) await delay(10)
      await Promise.all([publishing.close(), consuming.close()])
      publisher.close()
    },
  }
}
