// Dead letters of a run in which audit-service does not run: they stay in their queues, where they are read and from where they
// are sent again by hand.
import { createHash } from 'node:crypto'
import { fromAmqp, publishable, toAmqp } from '@orders/shared/messaging'
import { type ConfirmChannel, connect, type GetMessage } from 'amqplib'
import type { Vhost } from '../../support/vhost.ts'
import type { DeadLetter } from '../oracle/snapshot.ts'

/** Every one, left where it is. */
export function readDeadLetters(vhost: Vhost): Promise<DeadLetter[]> {
  return withEach(vhost, async () => undefined)
}

/** Every one is back in its queue before it leaves the dead letters. */
export function sendBack(vhost: Vhost): Promise<DeadLetter[]> {
  return withEach(vhost, async (channel, queue, message) => {
    const { headers, ...properties } = publishable(fromAmqp(message.properties))
    const options = toAmqp({ ...properties, headers: { ...headers, attempt: 1 } })
    channel.sendToQueue(queue.replace(/\.dlq$/, '.queue'), message.content, { ...options, persistent: true })
    await channel.waitForConfirms()
    channel.ack(message)
  })
}

async function withEach(
  vhost: Vhost,
  act: (channel: ConfirmChannel, queue: string, message: GetMessage) => Promise<void>,
): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  const connection = await connect(vhost.amqpUrl)
  try {
    for (const { name } of await vhost.queues()) {
      if (!name.endsWith('.dlq')) continue
      const channel = await connection.createConfirmChannel()
      const { messageCount } = await channel.checkQueue(name)
      for (let count = 0; count < messageCount; count++) {
        const message = await channel.get(name)
        if (!message) break
        letters.push(letterOf(name, message))
        await act(channel, name, message)
      }
      // Unacked, they go back where they were.
      await channel.close()
    }
  } finally {
    await connection.close()
  }
  return letters
}

function letterOf(queue: string, { content, properties }: GetMessage): DeadLetter {
  const headers: Record<string, unknown> = properties.headers ?? {}
  const reason = `${headers['error-code'] ?? 'broker'}: ${headers['error-message'] ?? 'given up'}`
  const digest = createHash('sha256').update(content).digest('hex')
  return { queue, id: String(properties.messageId), reason, digest }
}
