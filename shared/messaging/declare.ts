// Declares a topology on a channel: idempotent, whole, and with a clear error where the broker has it otherwise.
import type { ChannelModel } from 'amqplib'
import { asError, BrokenError, TransientError } from '../runtime/errors.ts'
import type { Topology } from './queues.ts'

/** @throws BrokenError `topology_mismatch` naming the queue or exchange and the argument that differs, and what to do. */
export async function declareTopology(model: ChannelModel, topology: Topology): Promise<void> {
  const channel = await model.createChannel()
  // The refusal arrives as the rejection of the call that caused it; the event repeats it.
  channel.on('error', () => undefined)
  try {
    for (const { name, type, alternate } of topology.exchanges)
      await channel.assertExchange(name, type, { durable: true, ...(alternate && { alternateExchange: alternate }) })
    for (const { name, arguments: queueArguments } of topology.queues)
      await channel.assertQueue(name, { durable: true, arguments: queueArguments })
    for (const { source, destination, destinationType, pattern, headers } of topology.bindings)
      await (destinationType === 'queue'
        ? channel.bindQueue(destination, source, pattern, headers)
        : channel.bindExchange(destination, source, pattern, headers))
    for (const { source, destination, pattern } of topology.retired ?? [])
      await channel.unbindQueue(destination, source, pattern)
    await channel.close()
  } catch (thrown) {
    throw told(asError(thrown))
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
