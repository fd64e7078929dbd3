// Declares a topology on a channel: idempotent, and with a clear error where the broker has it otherwise.
//
// Promise: on a new broker the first service declares all of it, so that nothing is lost whoever starts first, and marks it as
// complete. From then on a queue and its bindings belong to its owner alone: a service of an older or a newer version never
// changes what another hears. Nothing is ever removed here.
import type { Channel, ChannelModel } from 'amqplib'
import { asError, BrokenError, TransientError } from '../runtime/errors.ts'
import type { Topology } from './queues.ts'

/** Durable, and bound to nothing: it is there once everything is. */
export const COMPLETE = 'topology.complete.exchange'

/**
 * Without an `owner` all of it is declared, always.
 *
 * @throws BrokenError `topology_mismatch` naming the queue or exchange and the argument that differs, and what to do.
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
  // The refusal arrives as the rejection of the call that caused it; the event repeats it.
  channel.on('error', () => undefined)
  return channel
}

/** Asking for what is not there closes the channel. */
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

/** What 3.10 and 4.0 say of a classic queue whose node is down. */
const AWAY =
  /NOT_FOUND - (?:home node '[^']+' of durable )?queue '([^']+)' in vhost '[^']+' (?:is down|process is stopped)/

/** What RabbitMQ answers names all we need: 406 PRECONDITION_FAILED the argument that differs, 404 NOT_FOUND the queue. */
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
