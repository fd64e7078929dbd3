// Declares a topology on a channel: idempotent, whole, and with a clear error where the broker has it otherwise.
import type { ChannelModel } from 'amqplib'
import { asError, BrokenError } from '../runtime/errors.ts'
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
    await channel.close()
  } catch (thrown) {
    throw mismatch(asError(thrown))
  }
}

const INEQUIVALENT =
  /inequivalent arg '([^']+)' for (queue|exchange) '([^']+)' in vhost '([^']+)': received (.+?) but current is (.+?)(?:"|$)/

/** RabbitMQ answers 406 PRECONDITION_FAILED with a text that names all we need. */
export function mismatch(error: Error): Error {
  const parts = INEQUIVALENT.exec(error.message)
  if (!parts) return error
  const [, argument, kind, name, vhost, wanted, found] = parts
  return new BrokenError(
    'topology_mismatch',
    `the ${kind} ${name} in vhost ${vhost} exists with ${argument} = ${found}, this version needs ${wanted}. ` +
      'Let its messages be consumed, delete it in the management UI, and start again: it is declared anew.',
    { cause: error },
  )
}
