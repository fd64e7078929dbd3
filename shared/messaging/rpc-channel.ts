// RPC by direct reply-to (RabbitMQ guide "Direct Reply-to"): there is no reply queue, and answers come on the channel that
// asked. A question expires when its asker stops waiting and carries that instant, so a late question is never served.
import { randomUUID } from 'node:crypto'
import type { ConfirmChannel, Options } from 'amqplib'
import { type Deferred, deferred } from '../runtime/deferred.ts'
import { asError, TransientError } from '../runtime/errors.ts'
import type { Properties, Question } from './broker.ts'
import type { Session } from './connection.ts'
import { CHANNEL_CLOSED } from './publisher.ts'

/** A person may wait for the answer. */
const QUESTION_PRIORITY = 8
const REPLY_TO = 'amq.rabbitmq.reply-to'
const JSON_TYPE = 'application/json'

export function createRpcChannel() {
  const open = new Map<string, Deferred<Buffer>>()
  let channel: ConfirmChannel | undefined
  let session: Session | undefined

  function fail(correlationId: string | undefined, error: TransientError): void {
    if (correlationId !== undefined) open.get(correlationId)?.reject(error)
  }

  /** The broker refused the question. A new channel may get the next one through; see publisher.ts. */
  function refused(correlationId: string, { message }: Error): void {
    // A closing channel calls back for all its open questions. `detach` rejects them.
    if (message === CHANNEL_CLOSED) return
    const error = new TransientError('rpc_refused', 'the broker refuses requests to this queue now')
    fail(correlationId, error)
    session?.renew(error)
  }

  /** Neither confirmed nor mandatory: if the asker is gone or nobody listens, the message is not needed. */
  function send(exchange: string, routingKey: string, body: Buffer, properties: Options.Publish): void {
    try {
      channel?.publish(exchange, routingKey, body, { ...properties, contentType: JSON_TYPE, persistent: false })
    } catch (error) {
      // The channel has just closed, so the message is lost.
      session?.fail(asError(error))
    }
  }

  return {
    async request(queue: string, { type, body, headers }: Question, timeoutMs: number): Promise<Buffer> {
      if (!channel) throw new TransientError('broker_unavailable', 'not connected to the broker')
      const correlationId = randomUUID()
      const answer = deferred<Buffer>()
      const timer = setTimeout(
        () => fail(correlationId, new TransientError('rpc_timeout', `no answer to ${type} within ${timeoutMs} ms`)),
        timeoutMs,
      )
      open.set(correlationId, answer)
      try {
        const options = {
          type,
          correlationId,
          replyTo: REPLY_TO,
          expiration: String(timeoutMs),
          contentType: JSON_TYPE,
          mandatory: true,
          persistent: false,
          priority: QUESTION_PRIORITY,
          // The broker starts the expiration when it reads the question. On a blocked connection that can be much later, so the
          // question also carries its deadline.
          headers: { ...headers, deadline: Date.now() + timeoutMs },
        }
        channel.publish('', queue, body, options, (error) => error && refused(correlationId, error))
        return await answer.promise
      } finally {
        clearTimeout(timer)
        open.delete(correlationId)
      }
    },
    reply({ replyTo, correlationId }: Properties, body: Buffer): void {
      if (replyTo !== undefined) send('', replyTo, body, { correlationId })
    },
    tell: (exchange: string, type: string, body: Buffer) => send(exchange, '', body, { type }),
    async attach(opening: Session): Promise<void> {
      const opened = await opening.model.createConfirmChannel()
      opened.on('error', opening.fail)
      opened.on('return', ({ properties }) =>
        fail(
          properties.correlationId,
          new TransientError('rpc_unroutable', 'the queue for these requests does not exist now'),
        ),
      )
      await opened.consume(
        REPLY_TO,
        (message) => {
          if (message) open.get(message.properties.correlationId)?.resolve(message.content)
        },
        { noAck: true },
      )
      channel = opened
      session = opening
    },
    detach(): void {
      channel = undefined
      for (const correlationId of open.keys())
        fail(correlationId, new TransientError('broker_unavailable', 'the connection was lost while waiting'))
    },
  }
}
