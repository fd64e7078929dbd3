// Declares a topology on a broker. Idempotent, with a clear error if the broker has something else under a name.
//
// Promise: on a new broker the first service declares everything and then marks it as complete, so that no message is lost
// whichever service starts first. After that, only its owner declares a queue and its bindings. So an older or newer version of
// one service never changes what another hears. Nothing is ever removed here.
import type { Channel, ChannelModel } from 'amqplib'
import { asError, BrokenError, TransientError } from '../runtime/errors.ts'
import type { Topology } from './queues.ts'

/** A durable exchange without bindings. If it exists, the whole topology does. */
export const COMPLETE = 'topology.complete.exchange'

/**
 * Without an `owner`, always declares everything.
 *
 * @throws BrokenError `topology_mismatch`, naming the queue or exchange, the argument that differs, and what to do
 */
export async function declareTopology(model: ChannelModel, topology: Topology, owner?: string): Promise<void> {
  const isComplete = owner !== undefined && (await isThere(model, COMPLETE))
  const queues = topology.queues.filter((queue) => !isComplete || queue.owner === undefined || queue.owner === owner)
  const names = new Set(queues.map(({ name }) => name))
  const channel = await opened(model)
  try {
    for (const { name, type, alternate } of topology.exchanges)
      await channel.assertExchange(name, type, { durable: true, ...(alternate && { alternateExchange: alternate }) })
    for (const { name, arguments: queueArguments } of queues)
      await channel.assertQueue(name, { durable: true, arguments: queueArguments })
    for (const { source, destination, destinationType, pattern } of topology.bindings) {
      if (destinationType === 'exchange') await channel.bindExchange(destination, source, pattern)
      else if (names.has(destination)) await channel.bindQueue(destination, source, pattern)
    }
    if (!isComplete) await channel.assertExchange(COMPLETE, 'fanout', { durable: true })
    await channel.close()
  } catch (thrown) {
    throw told(asError(thrown))
  }
}

async function opened(model: ChannelModel): Promise<Channel> {
  const channel = await model.createChannel()
  // The call that caused the refusal rejects with it; the event only repeats it.
  channel.on('error', () => undefined)
  return channel
}

/** A check for a missing exchange closes the channel, so it has its own. */
async function isThere(model: ChannelModel, exchange: string): Promise<boolean> {
  const channel = await opened(model)
  try {
    await channel.checkExchange(exchange)
    await channel.close()
    return true
  } catch (thrown) {
    const error = asError(thrown)
    if ('code' in error && error.code === 404) return false
    throw error
  }
}

const INEQUIVALENT =
  /inequivalent arg '([^']+)' for (queue|exchange) '([^']+)' in vhost '([^']+)': received (.+?) but current is (.+?)(?:"|$)/

/** How RabbitMQ 3.10 and 4.0 report a classic queue whose node is down. */
const AWAY =
  /NOT_FOUND - (?:home node '[^']+' of durable )?queue '([^']+)' in vhost '[^']+' (?:is down|process is stopped)/

/**
 * Explains RabbitMQ's answer. It names all we need: 406 PRECONDITION_FAILED the argument that differs, 404 NOT_FOUND the queue.
 */
export function told(error: Error): Error {
  const away = AWAY.exec(error.message)?.[1]
  if (away !== undefined)
    return new TransientError(
      'queue_away',
      `the node that has the queue ${away} is down. On a cluster set BROKER_CLUSTER=true: every queue is then replicated.`,
      { cause: error },
    )
  const parts = INEQUIVALENT.exec(error.message)
  if (!parts) return error
  const [, argument, kind, name, vhost, wanted, found] = parts
  return new BrokenError(
    'topology_mismatch',
    `the ${kind} ${name} in vhost ${vhost} exists with ${argument} = ${found}, this version needs ${wanted}. ` +
      'Let its messages be consumed, delete it in the management UI, and start again: it is declared anew.' +
      (argument === 'x-queue-type' ? ' Or is BROKER_CLUSTER not the same for all services?' : ''),
    { cause: error },
  )
}
